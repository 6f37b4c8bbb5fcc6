import { CloseButton, Kbd, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';

/** The search field of a page; `/` moves the focus there. */
export function SearchField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}): ReactNode {
  return (
    <TextInput
      type="text"
      role="searchbox"
      data-search
      aria-label={label}
      placeholder={label}
      className="search-field"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onChange('');
      }}
      rightSectionPointerEvents="all"
      rightSection={
        value === '' ? (
          <Kbd size="xs" aria-hidden="true">
            /
          </Kbd>
        ) : (
          <CloseButton aria-label="Clear the search" onClick={() => onChange('')} />
        )
      }
    />
  );
}
