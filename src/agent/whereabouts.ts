import { lookup as ask } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** Finds the address behind the server's name. */
export interface Whereabouts {
  /** For connections. */
  readonly lookup: LookupFunction;
  /** A server proved who it is at this address. */
  reached(address: string): void;
  /** A connection failed. */
  missed(): void;
}

/**
 * Finds the address of a name. Names below `localhost` are this host (RFC 6761, section 6.3), which not every resolver knows;
 * whoever answers there still has to prove that it is the server.
 */
export const findAddress: LookupFunction = (hostname, options, callback) => {
  if (!/(?:^|\.)localhost\.?$/i.test(hostname)) {
    ask(hostname, options, callback);
    return;
  }
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

/**
 * Remembers where the server was last reached, and asks the resolver only when it is not there. A firewall program may cut a
 * host off from its resolver, and a name that waits for one would block what else the agent does. Who answers at the address
 * has to prove that it is the server, so that an old address can do no harm.
 */
export function whereabouts(known: string | undefined, onNew: (address: string) => void): Whereabouts {
  let last = known !== undefined && isIP(known) !== 0 ? known : undefined;
  let isSuspect = false;
  return {
    lookup: (hostname, options, callback) => {
      const answer = (address: string): void => {
        if (options.all === true) callback(null, [{ address, family: isIP(address) }]);
        else callback(null, address, isIP(address));
      };
      if (last !== undefined && !isSuspect) return answer(last);
      findAddress(hostname, options, (error, ...found) => {
        if (error !== null && last !== undefined) return answer(last);
        // The two forms of the answer differ with `options.all`, which is handed on as it came.
        callback(error, ...(found as [string, number]));
      });
    },
    reached: (address) => {
      isSuspect = false;
      if (address === last || isIP(address) === 0) return;
      last = address;
      onNew(address);
    },
    missed: () => {
      isSuspect = !isSuspect; // now the one, now the other: either may be right again
    },
  };
}
