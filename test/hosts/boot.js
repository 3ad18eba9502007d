// One guest, from power on to power off.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Boots, and waits until the guest is off or `minutes` are over. Its first serial line goes to `screen`, its second to
 * `results`. Returns how it ended.
 */
export async function boot({ kernel, initramfs, root, screen, results }, { memory, cpus, minutes }) {
  for (const file of [screen, results]) rmSync(file, { force: true });
  writeFileSync(results, '');
  // Behind `cmpxchg16b` QEMU 7.2's own emulation leaves flags that are none, and Linux 6.12 ends in a double fault.
  const args = [
    ...[
      '-accel',
      'tcg',
      '-cpu',
      'max,cx16=off',
      '-m',
      memory,
      '-smp',
      cpus,
      '-no-reboot',
      '-nodefaults',
      '-display',
      'none',
    ],
    ...['-kernel', kernel, '-initrd', initramfs, '-append', 'console=ttyS0 panic=-1 quiet'],
    // The disk is written to a file that is gone with the guest.
    ...['-drive', `file=${root},format=raw,if=virtio,snapshot=on`],
    ...['-serial', `file:${screen}`, '-serial', `file:${results}`, '-monitor', 'none'],
  ];
  const guest = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (guest.pid !== undefined) setPriority(guest.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const end = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      guest.kill('SIGKILL');
      resolve(`stopped after ${minutes} minutes`);
    }, minutes * 60_000);
    guest.once('error', reject);
    guest.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(signal ?? `exit ${code}`);
    });
  });
  return end;
}
