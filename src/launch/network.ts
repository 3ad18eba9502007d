import { type Address, parseEndpoint } from '../lib/address.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Policy } from '../policy/policy.ts';
import type { PreparedArguments } from './arguments.ts';
import type { Operation } from './operations.ts';

/** MAX_ADDRESSES of src/gate/order.h. */
const MAX_PLACES = 64;

/** Whether the program needs the host's network: to listen, or to connect to what the policy lists. */
export function usesNetwork(
  network: Pick<PreparedArguments['network'], 'mode'>,
  { connect }: Pick<Policy['network'], 'connect'>,
): boolean {
  return network.mode !== 'none' || connect.length > 0;
}

/**
 * What the gate may connect to for the program. No rule of Landlock goes with it: the gate connects outside of the
 * program's Landlock domain, so that within it every port stays closed.
 * @throws PaddockError `refused` for what is no address with a port, and for more addresses than the gate takes.
 */
export function connectOperations({ connect }: Pick<Policy['network'], 'connect'>): Operation[] {
  const places = connect.flatMap((text) => addressesOf(text));
  if (places.length > MAX_PLACES) {
    throw new PaddockError('refused', 'the policy lists too many addresses to connect to', {
      expected: `at most ${MAX_PLACES} in network.connect; localhost counts twice`,
      found: String(places.length),
      remedy: 'shorten `network.connect` of the policy',
    });
  }
  return places.map(({ family, bytes, port }) => ({ op: 'allow-connect', family, port, address: bytes }));
}

function addressesOf(text: string): (Address & { readonly port: number })[] {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) {
    throw new PaddockError('refused', 'the policy lists something to connect to that is no address', {
      expected: 'an IP address with a port: 10.0.0.5:443, "[::1]:8080"',
      found: escapeText(text, 60),
      remedy: 'correct `network.connect` of the policy',
    });
  }
  return endpoint.addresses.map((address) => ({ ...address, port: endpoint.port }));
}
