import { spawn } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROC_FILES, parseAuxv } from '../../src/lib/proc.ts';
import { createSampler } from '../../src/watch/sampler.ts';
import { descendants } from '../../src/watch/tree.ts';
import { Recorded } from './recorded.ts';

const units = { pageBytes: 4096, ticksPerSecond: 100 };

describe('without a control group', () => {
  const tree = (): Recorded =>
    new Recorded()
      .process(100, { ppid: 1, ticks: 500, pages: 9999 }) // the gate: not part of the session
      .process(101, { ppid: 100, ticks: 50, threads: 4, pages: 10, io: [4096, 0] })
      .process(102, { ppid: 101, ticks: 7, threads: 1, pages: 5, io: [1, 2], name: 'a) Z 1 (b' })
      .process(200, { ppid: 1, ticks: 77, threads: 3, pages: 3 });

  it('sums over the processes below the gate', () => {
    const sampler = createSampler({ files: tree(), units, leaves: [], gate: 100 });
    expect(sampler.sample(1000)).toEqual({
      time: 1000,
      rssBytes: 15 * 4096,
      memoryBytes: 15 * 4096,
      cpuMs: 570,
      processes: 2,
      threads: 5,
      readBytes: 4097,
      writeBytes: 2,
      memoryKills: null,
      memoryStrikes: null,
      processRefusals: null,
    });
  });

  it('sees a process whose parent died, because the gate inherits it', () => {
    const files = tree().process(103, { ppid: 100, threads: 2 });
    files.end(101);
    files.process(102, { ppid: 100, ticks: 7 });
    const sample = createSampler({ files, units, leaves: [], gate: 100 }).sample(1);
    expect(sample).toMatchObject({ processes: 2, threads: 3 });
  });

  it('keeps the time of processes that ended, and does not confuse them with a later one of the same number', () => {
    const files = tree();
    const sampler = createSampler({ files, units, leaves: [], gate: 100 });
    expect(sampler.sample(1)?.cpuMs).toBe(570);
    files.process(102, { ppid: 101, ticks: 3, startTime: 99_999 });
    expect(sampler.sample(2)?.cpuMs).toBe(600);
    files.end(102);
    expect(sampler.sample(3)).toMatchObject({ cpuMs: 600, processes: 1 });
    expect(sampler.sample(4)?.readBytes).toBe(4098); // the later one had read a byte, too
  });

  it('says nothing when nothing is left', () => {
    const files = tree();
    const sampler = createSampler({ files, units, leaves: [], gate: 100 });
    files.end(101);
    files.end(102);
    expect(sampler.sample(1)).toBeUndefined();
  });

  it('storage traffic that may not be read is null, not zero', () => {
    const files = new Recorded().process(2, { ppid: 1 });
    expect(createSampler({ files, units, leaves: [], gate: 1 }).sample(1)).toMatchObject({
      readBytes: null,
      writeBytes: null,
    });
  });

  it('follows `children` files where there are some, under every thread', () => {
    const files = new Recorded()
      .process(100, {})
      .process(101, { ppid: 100 })
      .process(102, { ppid: 101 })
      .process(103, { ppid: 101 })
      .put('/proc/100/task/100', { children: '101 ' })
      .put('/proc/101/task/101', { children: '102 ' })
      .put('/proc/101/task/109', { children: '103 ' })
      .put('/proc/102/task/102', { children: '' })
      .put('/proc/103/task/103', { children: '101 100 ' }); // a number that was given away meanwhile
    expect(descendants(files, 100).sort()).toEqual([101, 102, 103]);
  });

  it('ends whatever the parents say', () => {
    const family = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 30 })));
    fc.assert(
      fc.property(family, fc.integer({ min: 1, max: 30 }), (pairs, root) => {
        const files = new Recorded();
        for (const [pid, ppid] of pairs) files.process(pid, { ppid });
        const found = descendants(files, root);
        expect(new Set(found).size).toBe(found.length);
        expect(found).not.toContain(root);
      }),
    );
  });
});

describe('with control groups', () => {
  const v2 = '/cg/paddock-1';
  it('reads v2', () => {
    const files = new Recorded().process(7, { ppid: 1, threads: 2, pages: 1, ticks: 1, io: [5, 6] }).put(v2, {
      'cgroup.procs': '7\n8\n',
      'memory.current': '1000000\n',
      'memory.stat': 'anon 400\nfile 300\nanon_thp 9\nfile_mapped 100\n',
      'memory.events': 'low 0\noom 3\noom_kill 2\noom_group_kill 1\n',
      'cpu.stat': 'usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n',
      'pids.current': '9\n',
    });
    expect(createSampler({ files, units, leaves: [{ path: v2 }], gate: 1 }).sample(5)).toEqual({
      time: 5,
      rssBytes: 500,
      memoryBytes: 1_000_000,
      cpuMs: 2500,
      processes: 2,
      threads: 9,
      readBytes: 5,
      writeBytes: 6,
      memoryKills: 2,
      memoryStrikes: 3,
      processRefusals: null,
    });
  });

  it('reads the controllers of v1, and takes CPU time from the empty v2 of a hybrid host', () => {
    const leaves = [{ path: '/u/s' }, { path: '/memory/s' }, { path: '/pids/s' }, { path: '/cpu/s' }];
    const files = new Recorded()
      .process(7, { ppid: 1 })
      .put('/u/s', { 'cgroup.procs': '7\n', 'cpu.stat': 'usage_usec 1000\n' })
      .put('/memory/s', {
        'cgroup.procs': '7\n',
        'memory.usage_in_bytes': '5000\n',
        'memory.stat': 'rss 1\nmapped_file 1\ntotal_rss 300\ntotal_mapped_file 40\n',
        'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n',
      })
      .put('/pids/s', { 'pids.current': '3\n' })
      .put('/cpu/s', { 'cpu.stat': 'nr_periods 0\n', 'cpuacct.usage': '9000000000\n' });
    expect(createSampler({ files, units, leaves, gate: 1 }).sample(1)).toMatchObject({
      memoryBytes: 5000,
      rssBytes: 340,
      cpuMs: 1,
      threads: 3,
      memoryKills: 4,
      memoryStrikes: null,
    });
  });

  it('tells the peaks at the end, when no process is left', () => {
    const files = new Recorded()
      .put('/m/s', {
        'cgroup.procs': '',
        'memory.max_usage_in_bytes': '7000\n',
        'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
      })
      .put('/p/s', { 'pids.peak': '9\n', 'pids.events': 'max 3\n', 'cpu.stat': 'usage_usec 1999600\n' });
    const sampler = createSampler({ files, units, leaves: [{ path: '/m/s' }, { path: '/p/s' }], gate: 1 });
    expect(sampler.sample(1)).toBeUndefined();
    expect(sampler.totals(5)).toEqual({
      time: 5,
      memoryPeakBytes: 7000,
      tasksPeak: 9,
      cpuMs: 2000,
      memoryKills: 1,
      processRefusals: 3,
    });
    expect(createSampler({ files, units, leaves: [], gate: 1 }).totals(5)).toEqual({ time: 5 });
  });

  it('what a group does not tell comes from /proc, of its own members', () => {
    const files = new Recorded()
      .process(7, { ppid: 99, threads: 3, pages: 2, ticks: 10 })
      .put(v2, { 'cgroup.procs': '7\n' });
    expect(createSampler({ files, units, leaves: [{ path: v2 }], gate: 1 }).sample(1)).toMatchObject({
      rssBytes: 8192,
      memoryBytes: 8192,
      cpuMs: 100,
      threads: 3,
      processes: 1,
    });
  });

  it('reads a bounded number of files however many processes there are', () => {
    const files = new Recorded();
    const pids = Array.from({ length: 5000 }, (_, index) => index + 2);
    for (const pid of pids) files.process(pid, { ppid: 1 });
    files.put(v2, { 'cgroup.procs': pids.join('\n') });
    const sample = createSampler({ files, units, leaves: [{ path: v2 }], gate: 1 }).sample(1);
    expect(sample?.processes).toBe(5000);
    expect(files.reads).toBeLessThan(600);
  });

  it('random texts never make it throw', () => {
    const files = fc.dictionary(
      fc.constantFrom(
        '/cg/paddock-1/cgroup.procs',
        '/cg/paddock-1/memory.stat',
        '/proc/7/stat',
        '/proc/7/io',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(files, (texts) => {
        const recorded = new Recorded();
        for (const [path, text] of Object.entries(texts)) recorded.texts.set(path, text);
        createSampler({ files: recorded, units, leaves: [{ path: v2 }], gate: 1 }).sample(1);
      }),
    );
  });
});

describe.skipIf(process.platform !== 'linux')('on this machine', () => {
  it('finds a grandchild below this process and what it uses', async () => {
    const child = spawn('sh', ['-c', 'sleep 30 & wait'], { stdio: 'ignore' });
    try {
      const machine = parseAuxv(PROC_FILES.readText('/proc/self/auxv'));
      const look = () =>
        createSampler({ files: PROC_FILES, units: machine, leaves: [], gate: child.pid ?? 0 }).sample(0);
      let sample = look();
      // It takes a moment until the grandchild is there and has become `sleep`.
      for (let tries = 0; (sample?.rssBytes ?? 0) < 100_000 && tries < 500; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        sample = look();
      }
      expect(sample).toMatchObject({ processes: 1, threads: 1 });
      expect(sample?.rssBytes).toBeGreaterThan(100_000);
    } finally {
      const below = descendants(PROC_FILES, child.pid ?? 0);
      for (const pid of below) process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
    }
  });
});
