import type { ProcFiles } from '../../src/lib/proc.ts';

/** Files of /proc and of control groups, as texts that a test may change between two samples. */
export class Recorded implements ProcFiles {
  readonly texts = new Map<string, string>();
  readonly links = new Map<string, string>();
  /** How often something was read. */
  reads = 0;

  readText(path: string): string | undefined {
    this.reads++;
    return this.texts.get(path);
  }

  list(path: string): readonly string[] | undefined {
    this.reads++;
    const prefix = `${path}/`;
    const names = [...this.texts.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length).split('/')[0] ?? '');
    return names.length === 0 ? undefined : [...new Set(names)];
  }

  readLink(path: string): string | undefined {
    return this.links.get(path);
  }

  /** A process as /proc shows it. */
  process(pid: number, facts: Facts): this {
    const { ppid = 1, ticks = 0, threads = 1, startTime = pid * 10, pages = 0, name = 'x' } = facts;
    const fields: Record<number, number> = { 4: ppid, 14: ticks, 20: threads, 22: startTime, 24: pages };
    const rest = Array.from({ length: 49 }, (_, index) => fields[index + 4] ?? 0);
    this.texts.set(`/proc/${pid}/stat`, `${pid} (${name}) ${facts.state ?? 'S'} ${rest.join(' ')}\n`);
    if (facts.io !== undefined) {
      const [read, write] = facts.io;
      this.texts.set(`/proc/${pid}/io`, `rchar: 1\nread_bytes: ${read}\nwrite_bytes: ${write}\n`);
    }
    return this;
  }

  end(pid: number): void {
    for (const path of [...this.texts.keys()]) {
      if (path.startsWith(`/proc/${pid}/`)) this.texts.delete(path);
    }
  }

  put(folder: string, texts: Readonly<Record<string, string>>): this {
    for (const [name, text] of Object.entries(texts)) this.texts.set(`${folder}/${name}`, text);
    return this;
  }
}

interface Facts {
  readonly ppid?: number;
  readonly ticks?: number;
  readonly threads?: number;
  readonly startTime?: number;
  readonly pages?: number;
  readonly name?: string;
  readonly state?: string;
  readonly io?: readonly [number, number];
}
