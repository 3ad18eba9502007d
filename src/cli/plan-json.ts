import { createHash } from 'node:crypto';
import type { Operation } from '../launch/operations.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { toJson } from './render.ts';

/** The launch plan for a person or a script: complete, with binary content as length and digest, or as instructions. */
export function planJson(plan: LaunchPlan): string {
  return toJson({ schema: 'paddock/launch-plan/v1', ...plan, operations: plan.operations.map(shown) });
}

function shown(operation: Operation): unknown {
  switch (operation.op) {
    case 'memfd': {
      const { content, ...rest } = operation;
      return { ...rest, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
    }
    case 'seccomp':
    case 'seccomp-notify':
      return { op: operation.op, instructions: instructions(operation.program) };
    case 'allow-bind':
      return { ...operation, address: Buffer.from(operation.address).toString('hex') };
    default:
      return operation;
  }
}

// struct sock_filter: u16 code, u8 jt, u8 jf, u32 k.
function instructions(program: Uint8Array): string[] {
  const bytes = Buffer.from(program);
  const lines: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const [code, jt, jf, k] = [
      bytes.readUInt16LE(at),
      bytes[at + 2],
      bytes[at + 3],
      bytes.readUInt32LE(at + 4),
    ];
    lines.push(`${code.toString(16).padStart(2, '0')} ${jt} ${jf} 0x${k.toString(16)}`);
  }
  return lines;
}
