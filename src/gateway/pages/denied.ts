import { type Device, type Reason, type Remedy, REASONS } from '#model';
import { escapeHtml, page, type Page, proseHtml } from './page.ts';

/** What a refusal says, to a person and to a program. */
export interface Denial {
  readonly status: number;
  readonly reasons: readonly Reason[];
  /** Ids of the determining policies. */
  readonly policies: readonly string[];
  readonly remedies: readonly Remedy[];
  readonly correlationId: string;
  /** Name of the app, when the request got as far as one. */
  readonly app?: string;
  /** E-mail address of the person, when one is signed in. */
  readonly email?: string;
  /** The device that was decided on; its failing checks are listed when a remedy is to fix them. */
  readonly device?: Device;
  /** What would let the person in, all of it together; nothing about anybody else. */
  readonly waysIn?: readonly string[];
  readonly signInUrl?: string;
  /** Present when the person sent something with the request, which was not delivered: whether it is kept for afterwards. */
  readonly sent?: 'kept' | 'lost';
  readonly stepUp?: { readonly acr: string; readonly maxAgeSeconds: number; readonly url: string };
}

const SENT = {
  kept: '<p><strong>What you sent was not delivered yet.</strong> It is kept for ten minutes; afterwards you are asked whether to send it.</p>',
  lost: '<p><strong>What you sent was not delivered, and is not kept.</strong> Do what is needed first, then send it again.</p>',
} as const;

const DO: Readonly<Record<Remedy, string>> = {
  'step-up': 'Confirm that it is you with a stronger or fresh sign-in.',
  'sign-in': 'Sign in.',
  'enrol-device': 'Enrol this device: run `cordon agent enrol` on it with a token from an administrator.',
  'fix-posture': 'Fix what is listed below; the device is checked again within seconds.',
  'request-access': 'Ask the owner of the app for access and give the correlation id.',
  wait: 'Wait: the risk decays by itself. An administrator can see and clear its cause.',
  'contact-administrator': 'Give the correlation id to an administrator.',
};

/** The page a person sees instead of an app: what was refused, why, by which policy, and what to do. Loads nothing. */
export function deniedPage(denial: Denial): Page {
  const [first] = denial.reasons;
  const heading = first === undefined ? 'Access denied' : REASONS[first.code].title;
  const body = [
    `<p class="over">${escapeHtml(denial.app ?? 'Cordon')} · ${denial.status}</p>`,
    `<h1 class="deny">${escapeHtml(heading)}</h1>`,
    reasonList(denial.reasons),
    denial.sent === undefined ? '' : SENT[denial.sent],
    section('What you can do', [doList(denial), actions(denial)]),
    section('What would let you in', [waysIn(denial)]),
    section('Checks of this device', [checks(denial)]),
    section('Decided by', [list(denial.policies.map((id) => `<code>${escapeHtml(id)}</code>`))]),
    `<footer>Correlation id <code>${escapeHtml(denial.correlationId)}</code>${
      denial.email === undefined ? '' : ` · signed in as ${escapeHtml(denial.email)}`
    }</footer>`,
  ];
  return page({ title: `${heading} · ${denial.app ?? 'Cordon'}`, body: body.filter((part) => part !== '').join('\n') });
}

/** The same for a program. The first reason gives code, message and hint, as every error of Cordon has them. */
export function deniedJson(denial: Denial): string {
  const [first] = denial.reasons;
  const code = first?.code ?? 'no-permit';
  return `${JSON.stringify({
    code,
    message: first?.detail ?? REASONS[code].title,
    hint: REASONS[code].remedy,
    correlationId: denial.correlationId,
    ...(denial.app === undefined ? {} : { app: denial.app }),
    reasons: denial.reasons.map((reason) => ({ ...reason, title: REASONS[reason.code].title })),
    policies: denial.policies,
    remedies: denial.remedies,
    ...(denial.waysIn === undefined ? {} : { wouldAllow: denial.waysIn }),
    ...(denial.stepUp === undefined ? {} : { stepUp: denial.stepUp }),
    ...(denial.signInUrl === undefined ? {} : { signIn: denial.signInUrl }),
    ...(failing(denial).length === 0 ? {} : { checks: failing(denial) }),
  })}\n`;
}

function reasonList(reasons: readonly Reason[]): string {
  // Two policies may demand the same; the person has to read it once.
  const isHeading = reasons.length === 1; // the heading has said it
  const texts = new Set(
    reasons.map(({ code, detail }) => {
      const title = isHeading ? '' : `${escapeHtml(REASONS[code].title)} `;
      const more = detail === undefined ? '' : `<br><span class="detail">${proseHtml(detail)}</span>`;
      return `${title}<code>${code}</code>${more}`;
    }),
  );
  return list([...texts]);
}

function doList({ remedies, reasons }: Denial): string {
  const told = remedies.map((remedy) => DO[remedy]);
  // Without a way forward by policy, the catalogue still says whom to ask.
  const fallback = reasons.map(({ code }) => REASONS[code].remedy).filter((text) => text !== '');
  return list([...new Set(told.length > 0 ? told : fallback)].map(proseHtml));
}

/** The words are made from policies, which hold code in backticks. */
function waysIn({ waysIn: steps = [] }: Denial): string {
  return list(steps.map(proseHtml));
}

function actions({ signInUrl, stepUp }: Denial): string {
  const link = (url: string, text: string): string => `<a class="act" href="${escapeHtml(url)}">${text}</a>`;
  return [
    signInUrl === undefined ? '' : link(signInUrl, 'Sign in'),
    stepUp === undefined ? '' : link(stepUp.url, 'Confirm that it is you'),
  ].join('');
}

function failing({
  remedies,
  device,
}: Denial): { check: string; title: string; outcome: string; detail: string; fix?: string }[] {
  if (!remedies.includes('fix-posture')) return [];
  const results = device?.posture?.results ?? [];
  return results.filter(({ outcome }) => outcome === 'fail' || outcome === 'unknown').map((result) => ({ ...result }));
}

function checks(denial: Denial): string {
  return list(
    failing(denial).map(({ title, outcome, detail, fix }) => {
      const more = fix === undefined ? '' : `<br>To fix: ${proseHtml(fix)}`;
      return `<strong>${escapeHtml(title)}</strong> (${escapeHtml(outcome)}): ${proseHtml(detail)}${more}`;
    }),
  );
}

function list(items: readonly string[]): string {
  return items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>`;
}

function section(title: string, parts: readonly string[]): string {
  const content = parts.join('');
  return content === '' ? '' : `<h2>${title}</h2>\n${content}`;
}
