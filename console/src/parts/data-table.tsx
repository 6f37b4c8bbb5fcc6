import { Group, Pagination, Table, Text, UnstyledButton } from '@mantine/core';
import { type ReactNode, useMemo, useState } from 'react';

/** One column of a table. */
export interface Column<T> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: T) => ReactNode;
  /** Present when the column can be sorted by. */
  readonly sortBy?: (row: T) => string | number;
  /** The column is left out on screens narrower than this. */
  readonly from?: 'xs' | 'sm' | 'md' | 'lg';
  /** Pixels. */
  readonly width?: number;
  /** Percent of the table where there is room for more than a few columns; elsewhere the column takes what the others leave. */
  readonly share?: number;
  /** The head is for screen readers only. */
  readonly isSilent?: boolean;
}

interface Props<T> {
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly rowKey: (row: T) => string;
  /** Key of the column sorted by at first. */
  readonly sort?: string;
  readonly empty: ReactNode;
  readonly isSelected?: (row: T) => boolean;
}

const PAGE_ROWS = 100;

/** A table that sorts and, beyond a hundred rows, pages. A row's link, when it has the class `row-link`, covers the row. */
export function DataTable<T>({ label, rows, columns, rowKey, sort, empty, isSelected }: Props<T>): ReactNode {
  const [order, setOrder] = useState({ key: sort ?? '', isDown: false });
  const [page, setPage] = useState(1);
  const sorted = useMemo(() => sortRows(rows, columns, order), [rows, columns, order]);
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE_ROWS));
  const current = Math.min(page, pages);
  const shown = sorted.slice((current - 1) * PAGE_ROWS, current * PAGE_ROWS);
  if (rows.length === 0) return <>{empty}</>;
  return (
    <>
      <Table.ScrollContainer minWidth={280}>
        <Table highlightOnHover aria-label={label} className="data-table">
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Head
                  key={column.key}
                  column={column}
                  order={order}
                  onSort={() => setOrder({ key: column.key, isDown: order.key === column.key ? !order.isDown : false })}
                />
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((row) => (
              <Table.Tr key={rowKey(row)} data-selected={isSelected?.(row) === true ? true : undefined}>
                {columns.map((column) => (
                  <Table.Td key={column.key} {...(column.from === undefined ? {} : { visibleFrom: column.from })}>
                    {column.cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {pages > 1 && (
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {(current - 1) * PAGE_ROWS + 1}–{Math.min(current * PAGE_ROWS, sorted.length)} of{' '}
            {sorted.length.toLocaleString()}
          </Text>
          <Pagination
            total={pages}
            value={current}
            onChange={setPage}
            size="sm"
            siblings={1}
            getControlProps={(control) => ({ 'aria-label': `${control} page` })}
          />
        </Group>
      )}
    </>
  );
}

interface Order {
  readonly key: string;
  readonly isDown: boolean;
}

function Head<T>({ column, order, onSort }: { column: Column<T>; order: Order; onSort: () => void }): ReactNode {
  const isSorted = order.key === column.key;
  return (
    <Table.Th
      {...(column.width === undefined ? {} : { w: column.width })}
      {...(column.share === undefined ? {} : { className: 'has-share', style: { '--share': `${column.share}%` } })}
      {...(column.from === undefined ? {} : { visibleFrom: column.from })}
      {...(isSorted ? { 'aria-sort': order.isDown ? 'descending' : 'ascending' } : {})}
      scope="col"
    >
      {column.sortBy === undefined ? (
        <span className={column.isSilent === true ? 'sr-only' : undefined}>{column.head}</span>
      ) : (
        <UnstyledButton onClick={onSort} className="sort" fz="inherit" fw="inherit">
          {column.head}
          <span aria-hidden="true" className="sort-mark">
            {isSorted ? (order.isDown ? '▾' : '▴') : ''}
          </span>
        </UnstyledButton>
      )}
    </Table.Th>
  );
}

function sortRows<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order): readonly T[] {
  const by = columns.find((column) => column.key === order.key)?.sortBy;
  if (by === undefined) return rows;
  const direction = order.isDown ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: by(row) }));
  keyed.sort((a, b) => direction * compare(a.key, b.key));
  return keyed.map(({ row }) => row);
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
