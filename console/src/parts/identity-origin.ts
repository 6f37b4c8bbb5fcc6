/** The identity host beside the console: where people sign in, and where programs are told to ask. */
export function identityOrigin({ protocol, host }: Pick<Location, 'protocol' | 'host'>): string {
  return `${protocol}//id.${host.slice(host.indexOf('.') + 1)}`;
}
