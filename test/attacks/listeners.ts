import { createSocket } from 'node:dgram';
import { chmodSync } from 'node:fs';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';
import { join } from 'node:path';

/** Whom the attempts try to talk to: the test, on the loopback. */
export interface Listeners {
  readonly tcp: number;
  readonly tcp6: number | undefined;
  readonly udp: number;
  readonly unix: string;
  readonly abstract: string;
  /** How many connections and datagrams have arrived so far. */
  heard(): number;
  close(): Promise<void>;
}

const REPLY = 'reply-from-outside';

/** @param folder where the pathname socket lies. */
export async function openListeners(folder: string): Promise<Listeners> {
  let heard = 0;
  const servers: Server[] = [];
  const serve = async (where: ListenOptions): Promise<Server> => {
    const server = createServer((socket) => {
      heard++;
      socket.on('error', () => {}); // the attempt may end at any moment
      socket.resume();
      socket.write(REPLY);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, resolve);
    });
    servers.push(server);
    return server;
  };
  const port = (server: Server): number => (server.address() as AddressInfo).port;
  const unix = join(folder, 'outside.sock');
  const abstract = `paddock-attacks-${process.pid}`;
  const tcp = port(await serve({ host: '127.0.0.1', port: 0 }));
  const tcp6 = await serve({ host: '::1', port: 0 }).then(port, () => undefined); // hosts without IPv6
  await serve({ path: unix });
  chmodSync(unix, 0o777);
  await serve({ path: `\0${abstract}` });
  const udp = createSocket('udp4', (_message, from) => {
    heard++;
    udp.send(REPLY, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  return {
    tcp,
    tcp6,
    udp: udp.address().port,
    unix,
    abstract,
    heard: () => heard,
    close: async () => {
      udp.close();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
