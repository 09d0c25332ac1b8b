/** An IPv4 address mapped into IPv6 (`::ffff:10.0.0.1`) as the IPv4 address it is; a zone (`%eth0`) is cut off. */
export function plainHost(address: string): string {
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice(7);
  const zone = address.indexOf("%");
  return zone < 0 ? address : address.slice(0, zone);
}

/** `10.0.0.1 port 4711`, as messages have it. */
export const hostPort = ({ host, port }: { readonly host: string; readonly port: number }): string => `${host} port ${port}`;
