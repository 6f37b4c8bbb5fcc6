import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { misuse } from '../arguments.ts';
import { choose } from '../choose.ts';
import { type Server, serverOf } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { ServerFailure } from '../failure.ts';
import { styled } from '../output.ts';
import { countText, labelsText, tierPiece, timeText } from '../pieces.ts';

type Asset = ResponseOf<(typeof CONTROL_ROUTES)['assets']>['items'][number];
type Detail = ResponseOf<(typeof CONTROL_ROUTES)['asset']>;

/** Most assets that are asked for at once. */
const PAGE = 20_000;
const TIERS = ['T0', 'T1', 'T2', 'T3'] as const;

/** `cordon assets list` */
export async function list(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const tier = args.choice('tier', TIERS);
  const [kind, search] = [args.text('kind'), args.text('search')];
  const filter = {
    ...(tier === undefined ? {} : { tier: TIERS.indexOf(tier) }),
    ...(kind === undefined ? {} : { kind }),
    ...(search === undefined ? {} : { search }),
  };
  const found = await allAssets(serverOf(context), filter, args.integer('limit', 1, 1_000_000));
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  out.table(
    [
      { title: 'TIER' },
      { title: 'KIND', shrinkTo: 12 },
      { title: 'NAME', shrinkTo: 16 },
      { title: 'ACCOUNT', shrinkTo: 12 },
      { title: 'REGION', shrinkTo: 9 },
      { title: 'REASON', isWrapped: true },
    ],
    found.items.map((asset) => [
      asset.overridden ? styled('bold', `T${asset.tier}*`) : tierPiece(asset.tier),
      asset.kind,
      asset.name,
      asset.account,
      asset.region,
      asset.reason,
    ]),
    found.total === 0 && Object.keys(filter).length === 0
      ? 'no assets yet; import some with `cordon discover aws --from DIR`'
      : 'no asset is like that',
  );
  if (found.items.some(({ overridden }) => overridden)) out.note('* set by hand');
  if (found.items.length < found.total) out.note(`${found.items.length} of ${countText(found.total, 'asset')}`);
  return 0;
}

async function allAssets(
  server: Server,
  filter: { readonly tier?: number; readonly kind?: string; readonly search?: string },
  limit = Infinity,
): Promise<{ items: Asset[]; total: number }> {
  const items: Asset[] = [];
  for (;;) {
    const query = { ...filter, offset: items.length, limit: Math.min(PAGE, limit - items.length) };
    const page = await server.ask('assets', { query });
    items.push(...page.items);
    // A page without assets ends it too: the list may have become shorter meanwhile.
    if (page.items.length === 0 || items.length >= Math.min(limit, page.total)) return { items, total: page.total };
  }
}

async function assetNamed(context: CommandContext): Promise<Detail> {
  const server = serverOf(context);
  const text = context.args.at(0);
  try {
    return await server.ask('asset', { params: { id: text } });
  } catch (error) {
    if (!(error instanceof ServerFailure) || error.status !== 404) throw error;
  }
  const { items } = await allAssets(server, {});
  const { id } = choose(
    { noun: 'asset', list: 'assets list' },
    text,
    items.map(({ id, name }) => ({ id, names: [name] })),
  );
  return await server.ask('asset', { params: { id } });
}

/** `cordon assets show` */
export async function show(context: CommandContext): Promise<number> {
  const { out } = context;
  const asset = await assetNamed(context);
  if (out.isJson) {
    out.document(asset);
    return 0;
  }
  heading(context, asset);
  row(out, 'labels', labelsText(asset.labels));
  row(out, 'apps', asset.apps.join(', '));
  row(out, 'source', `${asset.source}, seen ${timeText(asset.observedAt)}`);
  section(
    out,
    'attributes',
    Object.entries(asset.attributes).map(([key, value]) => [key, valueText(value)]),
  );
  section(
    out,
    'relations',
    asset.relations.map(({ type, to }) => [type, to]),
  );
  return 0;
}

/** `cordon assets explain` */
export async function explain(context: CommandContext): Promise<number> {
  const { out } = context;
  const asset = await assetNamed(context);
  if (out.isJson) {
    out.document(asset);
    return 0;
  }
  heading(context, asset);
  if (asset.apps.length > 0) row(out, 'reached through', asset.apps.join(', '));
  out.line('');
  const ledgerTitle = 'what speaks for it, with the points of impact that would be missing without it';
  out.line({ text: `  ${asset.ledger.length === 0 ? 'nothing speaks for a higher tier' : ledgerTitle}`, look: 'dim' });
  for (const { contribution, factor, reason, s, w, ruleId, evidence } of asset.ledger) {
    const share = factor === 'floor' ? `at least ${Math.round(s * 1000) / 10}` : `${s} x ${w}`;
    out.line(
      { text: `  +${contribution.toFixed(1).padStart(5)}  `, look: 'bold' },
      factorName(factor).padEnd(16),
      ` ${reason} `,
      {
        text: `(${share}, ${ruleId})`,
        look: 'dim',
      },
    );
    for (const place of evidence) out.line({ text: `            ${place}`, look: 'dim' });
  }
  if (asset.counterfactual !== undefined) {
    out.line('');
    out.line(asset.counterfactual);
  }
  return 0;
}

const FACTORS: Readonly<Record<string, string>> = {
  D: 'data sensitivity',
  P: 'privilege',
  M: 'mission',
  B: 'blast radius',
  K: 'dependency',
  S: 'structure',
};

function factorName(factor: string): string {
  return FACTORS[factor] ?? factor;
}

/** `cordon assets tier` */
export async function setTier(context: CommandContext): Promise<number> {
  const { args } = context;
  const word = args.at(1);
  const tier = TIERS.findIndex((name) => name === word.toUpperCase());
  if (tier < 0) throw misuse(args.row, `a tier is \`T0\`, \`T1\`, \`T2\` or \`T3\`, not \`${word}\``);
  const forMs = args.duration('for');
  const { id } = await assetNamed(context);
  const body = {
    tier,
    reason: args.required('reason'),
    ...(forMs === undefined ? {} : { expiresInHours: forMs / 3_600_000 }),
  };
  return tellTier(context, await serverOf(context).ask('setTier', { params: { id }, body }));
}

/** `cordon assets untier` */
export async function clearTier(context: CommandContext): Promise<number> {
  const { id } = await assetNamed(context);
  return tellTier(context, await serverOf(context).ask('clearTier', { params: { id } }));
}

function tellTier({ out }: CommandContext, asset: Detail): number {
  if (out.isJson) out.document(asset);
  else out.line(asset.name, ' is ', tierPiece(asset.tier), ` now; computed T${asset.computedTier}${untilText(asset)}`);
  return 0;
}

function untilText({ override }: Detail): string {
  return override?.expiresAt === undefined ? '' : `, set by hand until ${timeText(override.expiresAt)}`;
}

function heading({ out }: CommandContext, asset: Detail): void {
  out.line({ text: asset.name, look: 'bold' }, ` (${asset.kind}) is `, tierPiece(asset.tier));
  row(out, 'id', asset.id);
  row(out, 'where', [asset.provider, asset.account, asset.region].filter((part) => part !== '').join(' '));
  const confidence = Math.round(asset.confidence * 100);
  row(out, 'computed', `T${asset.computedTier}, impact ${asset.impact} of 100, confidence ${confidence} %`);
  const { override } = asset;
  if (override === undefined) return;
  const until = override.expiresAt === undefined ? 'until cleared' : `until ${timeText(override.expiresAt)}`;
  row(
    out,
    'set by hand',
    `T${override.tier} by ${override.by} on ${timeText(override.at)}, ${until}: ${override.reason}`,
  );
}

function row(out: CommandContext['out'], title: string, text: string): void {
  if (text !== '') out.line({ text: `  ${title.padEnd(16)}`, look: 'dim' }, text);
}

function section(out: CommandContext['out'], title: string, rows: readonly (readonly [string, string])[]): void {
  if (rows.length === 0) return;
  const width = Math.max(...rows.map(([key]) => key.length));
  out.line('');
  out.line({ text: `  ${title}`, look: 'dim' });
  for (const [key, value] of rows) out.line(`    ${key.padEnd(width)}  ${value}`);
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
