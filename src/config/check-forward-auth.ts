import { parseCidr, type Problem } from '#base';
import type { Locate } from './check.ts';
import { invalid } from './invalid.ts';
import type { ConfigurationDocument } from './schema.ts';

/** What no schema can say about the listeners that proxies ask: who is trusted, and what no proxy can do for an app. */
export function checkForwardAuth(document: ConfigurationDocument, locate: Locate): Problem[] {
  const { forward_auth: asked } = document;
  const problems = checkApps(document, locate);
  for (const text of asked.trusted_proxies) {
    const network = parseCidr(text);
    const problem = !network.ok ? network.error : network.value.prefix === 0 ? `\`${text}\` is everybody` : undefined;
    if (problem === undefined) continue;
    problems.push(
      invalid(
        `\`forward_auth.trusted_proxies\`: ${problem}`,
        locate(['forward_auth', 'trusted_proxies']),
        // Whoever may ask may also say who asks: for each address, a permit to try out cookies from anywhere.
        'name the addresses of your proxies, for example `10.0.0.5/32`',
      ),
    );
  }
  return problems;
}

/** An app that nobody could ever open is a mistake in the document, better told now than by every request. */
function checkApps({ apps, forward_auth: asked }: ConfigurationDocument, locate: Locate): Problem[] {
  const problems: Problem[] = [];
  for (const [id, app] of Object.entries(apps)) {
    if (app.enforced_by !== 'forward-auth') continue;
    if (asked.listen === 'off' && asked.grpc === 'off') {
      problems.push(
        invalid(
          `a proxy has to ask about app \`${id}\`, and nothing listens for its questions`,
          locate(['apps', id, 'enforced_by']),
          'set `forward_auth.listen` and `forward_auth.trusted_proxies`',
        ),
      );
    }
    if (app.client_certificate === 'required') {
      problems.push(
        invalid(
          `app \`${id}\` cannot demand a certificate: the TLS of its clients ends at the proxy`,
          locate(['apps', id, 'client_certificate']),
          'publish it through the gateway, or leave `client_certificate` out',
        ),
      );
    }
  }
  return problems;
}
