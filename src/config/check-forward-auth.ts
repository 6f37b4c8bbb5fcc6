import { parseCidr, type Problem } from '#base';
import type { Locate } from './check.ts';
import type { ConfigurationDocument } from './schema.ts';

/** What no schema can say about the listeners that proxies ask: ports that do not exist, and who is trusted. */
export function checkForwardAuth({ forward_auth: document }: ConfigurationDocument, locate: Locate): Problem[] {
  const problems: Problem[] = [];
  for (const name of ['listen', 'grpc'] as const) {
    const port = Number(document[name].slice(document[name].lastIndexOf(':') + 1));
    if (document[name] === 'off' || port <= 65_535) continue;
    problems.push({
      code: 'configuration-invalid',
      message: `\`forward_auth.${name}\`: there is no port ${port}`,
      source: locate(['forward_auth', name]),
    });
  }
  for (const text of document.trusted_proxies) {
    const network = parseCidr(text);
    const problem = !network.ok ? network.error : network.value.prefix === 0 ? `\`${text}\` is everybody` : undefined;
    if (problem === undefined) continue;
    problems.push({
      code: 'configuration-invalid',
      message: `\`forward_auth.trusted_proxies\`: ${problem}`,
      source: locate(['forward_auth', 'trusted_proxies']),
      // Whoever may ask may also say who asks: for each address, a permit to try out cookies from anywhere.
      hint: 'name the addresses of your proxies, for example `10.0.0.5/32`',
    });
  }
  return problems;
}
