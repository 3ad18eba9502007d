import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync } from 'node:fs';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whom the attempts try to talk to: the test, on the loopback. */
export interface Listeners {
  readonly tcp: number;
  readonly tcp6: number | undefined;
  readonly udp: number;
  readonly unix: string;
  readonly abstract: string;
  readonly datagram: string;
  /** Number of a segment of System V shared memory that anybody may read; -1 where the kernel has none. */
  readonly memory: number;
  /** How many connections and datagrams have arrived so far. */
  heard(): number;
  /** Waits until one more than `before` was heard; at most five seconds. */
  hears(before: number): Promise<boolean>;
  close(): Promise<void>;
}

const REPLY = 'reply-from-outside';

/**
 * @param folder where the pathname sockets lie.
 * @param program the attack program, which takes the datagrams that Node cannot.
 */
export async function openListeners(folder: string, program: string): Promise<Listeners> {
  let heard = 0;
  const datagram = join(folder, 'datagram.sock');
  const helper = spawn(program, ['take-datagrams', `datagram=${datagram}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve) => {
    helper.stdout.setEncoding('utf8').on('data', (text: string) => {
      heard += text.split('HEARD').length - 1;
      if (text.includes('READY')) resolve();
    });
  });
  chmodSync(datagram, 0o777);
  const keeper = spawn(program, ['keep-memory'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const memory = await new Promise<number>((resolve) => {
    keeper.stdout.setEncoding('utf8').once('data', (text: string) => {
      resolve(Number(/^MEMORY (\d+)$/m.exec(text)?.[1] ?? -1));
    });
  });
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
    datagram,
    memory,
    heard: () => heard,
    hears: async (before) => {
      for (let tries = 0; heard <= before && tries < 500; tries++) await sleep(10);
      return heard > before;
    },
    close: async () => {
      helper.kill('SIGKILL');
      keeper.stdin.end();
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
