// The reference page of the HTTP API, from its route tables.
import { z } from 'zod';
import { CONTROL_ROUTES, IDENTITY_ROUTES } from '../../src/api/contract/index.ts';

/** @typedef {import('../../src/api/contract/index.ts').RouteShape} RouteShape */

const WHO = {
  view: 'who may view',
  manage: 'who may manage',
  local: 'the operator',
  public: 'everybody',
  session: 'who is signed in',
};

/**
 * Names of what a part of a request may hold; `?` marks what may be left out.
 * @param {z.ZodType | undefined} schema
 * @returns {string[]}
 */
function fieldsOf(schema) {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = /** @type {{ properties?: object, required?: string[] }} */ (
    z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  );
  return Object.keys(properties).map((name) => `\`${name}${required.includes(name) ? '' : '?'}\``);
}

/** @param {RouteShape} route */
function row({ method, path, access, what, query, body }) {
  const takes = [...fieldsOf(query), ...fieldsOf(body)].join(', ');
  return `| ${method} | \`${path}\` | ${WHO[access]} | ${takes} | ${what} |`;
}

/** @param {Readonly<Record<string, RouteShape>>} table */
function rows(table) {
  return Object.values(table).map(row).join('\n');
}

/** @returns {string} */
export function renderApi() {
  return `# HTTP API

Three doors, one language: JSON in, JSON out, UTF-8. The routes and the schemas of what they take and answer are in \`src/api/contract\`; keys that
a route does not know are refused, and nothing is answered that the schema does not name. A field with \`?\` may be left out.

## Who

- **The operator** is whoever may open the control socket, \`control.sock\` in the data directory: its file permission is the check. All routes of the
  first table are answered there, and only there the ones for the operator. \`curl --unix-socket data/control.sock http://localhost/api/status\`
- **People** reach the first table at \`console.<domain>\` after signing in. Cedar policies on \`Action::"view"\` and \`Action::"manage"\` decide every
  request; a denial is an event, which its correlation id finds.
- **Everybody** reaches the second table at \`id.<domain>\`. Sessions travel in \`__Host-\` cookies that no script can read.

From a browser, a request that changes something must carry the header \`x-requested-with\` and, when it names an origin, that of the host itself;
what another site makes a browser send is refused, reads too, and there is no CORS. Bodies are at most 256 KiB, those with policies or a
configuration 2 MiB.

## Errors

Every answer that is not 2xx holds one object. \`code\` is one of [errors.md](errors.md) or [reasons.md](reasons.md); \`location\` is where a person goes
to make it work (sign in, or prove again that it is them); \`correlationId\` also stands in the header \`x-cordon-correlation-id\` of every answer.

\`\`\`json
{
  "error": {
    "code": "request-invalid",
    "message": "body \`tier\`: too big: expected number to be <=3",
    "hint": "what to do next",
    "location": "where to go",
    "problems": [{ "code": "…", "message": "…", "source": { "file": "…", "line": 1, "column": 1 } }],
    "correlationId": "cor_…"
  }
}
\`\`\`

| status | when |
|---|---|
| 400 | the request does not have the form the route demands |
| 401 | nobody is signed in, or a stronger or fresher sign-in is needed |
| 403 | the policies do not allow it, or another site asked |
| 404, 405 | there is no such path, thing or method |
| 409 | it contradicts what is in force |
| 413, 415 | the body is too large, or not declared as JSON |
| 422 | a document or policies do not validate; \`problems\` names every place |
| 429 | too many attempts; \`Retry-After\` says how long to wait |
| 500, 503 | something failed inside; the correlation id finds it in the log |

## Control API

| method | path | who | takes | what |
|---|---|---|---|---|
${rows(CONTROL_ROUTES)}

## Identity API

| method | path | who | takes | what |
|---|---|---|---|---|
${rows(IDENTITY_ROUTES)}

Besides these, \`id.<domain>\` carries sign-ins to other hosts: \`/handoff\` issues a code that works once, for a minute, for the host that asked and the
browser that began there; \`/step-up\` raises a session and leads back through \`/leave\`, which follows addresses of published hosts only.
`;
}
