import { differences, NEWEST_ABI, sinceAbi } from '../launch/matrix.ts';
import type { HostAbilities } from '../launch/plan.ts';
import { PROTECTIONS } from '../launch/protections.ts';
import type { Protection } from '../policy/policy.ts';
import { MINIMUM_NODE } from './requirements.ts';

/** One line of `paddock doctor`. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'degraded' | 'missing';
  /** What was found. */
  readonly detail: string;
  /** What its absence means; empty when all is well. */
  readonly effect: string;
  /** Exactly what to do; empty when all is well, or when nothing can be done here. */
  readonly fix: string;
}

/** Everything that the checks look at. */
export interface DoctorFacts {
  readonly platform: string;
  readonly nodeVersion: string; // "20.20.2"
  /** Absent: the gate could not be built or started; `gateProblem` says why. */
  readonly host?: HostAbilities;
  readonly gate?: string;
  readonly gateProblem?: string;
  readonly compiler: string | undefined;
  readonly nodePty: boolean;
  /** Texts of /proc and /sys; undefined where there is no such file. */
  readonly yama: string | undefined;
  readonly legacyTiocsti: string | undefined;
  readonly lsm: string | undefined;
  readonly apparmorUserns: string | undefined;
  readonly usernsClone: string | undefined;
  readonly maxUserNamespaces: string | undefined;
  /** Registered binfmt_misc formats whose magic is that of an APE. */
  readonly apeFormats: readonly string[];
  readonly systemdUser: boolean;
  readonly container: boolean;
}

/** What this host can enforce, what is missing, what that means, and what to do. Worst first within each group. */
export function diagnose(facts: DoctorFacts): Check[] {
  if (facts.platform !== 'linux') return [otherPlatform(facts), node(facts)];
  const host = facts.host;
  return [
    gate(facts),
    ...(host === undefined
      ? []
      : [
          landlock(facts, host),
          seccomp(host),
          notification(host),
          cgroup(facts, host),
          namespaces(facts, host),
        ]),
    compiler(facts),
    nodePty(facts),
    node(facts),
    ...(host === undefined ? [] : [kernel(host)]),
    yama(facts),
    terminal(facts),
    binfmt(facts),
  ];
}

const well = (name: string, detail: string): Check => ({ name, state: 'ok', detail, effect: '', fix: '' });

function without(protection: Protection): string {
  return PROTECTIONS.find((fact) => fact.protection === protection)?.without ?? '';
}

function gate({ gate, gateProblem, host }: DoctorFacts): Check {
  if (gate !== undefined && host !== undefined) return well('paddock-gate', gate);
  return {
    name: 'paddock-gate',
    state: 'missing',
    detail: gateProblem ?? 'not built',
    effect: '`paddock run` refuses; `paddock verify` and `paddock inspect` work',
    fix: 'install a C compiler (Debian, Ubuntu: apt install gcc libc6-dev), then: npm rebuild llama-paddock',
  };
}

function landlock({ lsm, container }: DoctorFacts, { landlockAbi, kernel }: HostAbilities): Check {
  const name = 'landlock';
  if (landlockAbi >= sinceAbi('signal'))
    return well(name, `ABI ${landlockAbi}: files, TCP ports, signals and abstract sockets`);
  if (landlockAbi === 0) {
    const off = lsm !== undefined && !lsm.split(',').includes('landlock');
    return {
      name,
      state: 'missing',
      detail: off ? `not among the active security modules: ${lsm}` : `not offered by kernel ${kernel}`,
      effect: without('landlock-files'),
      fix: off
        ? `add landlock to the kernel command line: lsm=landlock,${lsm}`
        : container
          ? 'use a kernel from 5.13 on, and a container runtime whose seccomp profile allows landlock_*'
          : 'use a kernel from 6.12 on with CONFIG_SECURITY_LANDLOCK=y',
    };
  }
  return {
    name,
    state: 'degraded',
    detail: `ABI ${landlockAbi} (kernel ${kernel}); the fence uses up to ABI ${NEWEST_ABI}`,
    effect: differences(landlockAbi).join('; '),
    fix: 'use a kernel from 6.12 on (Ubuntu 24.04: apt install linux-generic-hwe-24.04; Debian 12: linux-image-amd64 of backports)',
  };
}

function seccomp({ seccompFilter }: HostAbilities): Check {
  if (seccompFilter) return well('seccomp', 'filters can be installed');
  return {
    name: 'seccomp',
    state: 'missing',
    detail: 'the kernel refuses a filter',
    effect: without('seccomp'),
    fix: 'use a kernel with CONFIG_SECCOMP_FILTER=y; in a container, a runtime that allows seccomp(2)',
  };
}

function notification({ seccompNotify, seccompFilter }: HostAbilities): Check {
  if (seccompNotify) return well('seccomp notification', 'attempts are seen and answered');
  return {
    name: 'seccomp notification',
    state: seccompFilter ? 'degraded' : 'missing',
    detail:
      'no listener can be had: an old kernel, or a supervisor of the container or WSL holds the only one',
    effect: without('seccomp-notify'),
    fix: 'use a kernel from 5.6 on, outside of containers that notify themselves',
  };
}

function cgroup(facts: DoctorFacts, { cgroup, uid }: HostAbilities): Check {
  const name = 'control groups';
  const { kind, controllers, killable } = cgroup;
  const detail = [
    kind === 'none' ? 'no writable control group' : `${kind} with ${controllers.join(', ')}`,
    ...(killable === undefined ? [] : ['cgroup.kill']),
  ].join(', ');
  const lacking = ['memory', 'pids', 'cpu'].filter((controller) => !controllers.includes(controller));
  if (lacking.length === 0) return well(name, detail);
  const session = lacking.filter((controller) => controller !== 'cpu');
  return {
    name,
    state: 'degraded',
    detail,
    effect: session.length > 0 ? without('limits-session') : 'the CPUs of a session cannot be limited',
    fix: cgroupFix(facts, uid, session.length > 0),
  };
}

function cgroupFix(facts: DoctorFacts, uid: number, session: boolean): string {
  if (facts.container)
    return 'start the container with writable control groups (podman: --cgroupns=private; docker: as root)';
  if (uid === 0) return 'mount control groups writable: mount -t cgroup2 none /sys/fs/cgroup';
  if (!facts.systemdUser) return 'let a service manager start paddock in a delegated control group';
  return session
    ? 'none may be needed: `paddock run` asks your systemd for a delegated scope; if its summary still says so: systemd-run --user --scope -p Delegate=yes paddock run …'
    : 'delegate cpu: put "[Service]\\nDelegate=cpu memory pids" into /etc/systemd/system/user@.service.d/delegate.conf, then systemctl daemon-reload and log in again';
}

// Not a fault: the fence is whole without them, and nothing that is missing has an effect on what it closes.
function namespaces(facts: DoctorFacts, { namespaces, userNamespaces }: HostAbilities): Check {
  const name = 'namespaces';
  if (namespaces.works)
    return well(name, 'processes, mounts, IPC, host name and network of the session’s own, beside the fence');
  const where = namespaces.step === undefined ? '' : ` (${namespaces.step}: errno ${namespaces.errno ?? 0})`;
  const cause = namespaceCause(facts, userNamespaces);
  return well(name, `${cause}${where}; the fence is whole without them`);
}

function namespaceCause(facts: DoctorFacts, userNamespaces: boolean): string {
  if (facts.apparmorUserns?.trim() === '1')
    return 'AppArmor restricts them (kernel.apparmor_restrict_unprivileged_userns=1)';
  if (facts.usernsClone?.trim() === '0') return 'kernel.unprivileged_userns_clone=0';
  if (facts.maxUserNamespaces?.trim() === '0') return 'user.max_user_namespaces=0';
  if (!userNamespaces) return 'user namespaces are refused';
  return facts.container
    ? 'refused in this container, which covers parts of /proc or forbids mounts'
    : 'user namespaces are there, but not what they are needed for';
}

function compiler({ compiler, gate }: DoctorFacts): Check {
  if (compiler !== undefined) return well('C compiler', compiler);
  return {
    name: 'C compiler',
    state: gate === undefined ? 'missing' : 'degraded',
    detail: 'no cc in PATH',
    effect:
      gate === undefined
        ? 'paddock-gate cannot be built'
        : 'paddock-gate cannot be built again after an update',
    fix: 'Debian, Ubuntu: apt install gcc libc6-dev; Fedora: dnf install gcc',
  };
}

function nodePty({ nodePty }: DoctorFacts): Check {
  if (nodePty) return well('node-pty', 'the model gets a terminal of its own');
  return {
    name: 'node-pty',
    state: 'degraded',
    detail: 'not built',
    effect: 'at a terminal the model gets pipes: no line editing of its own, no job control',
    fix: 'apt install python3 make g++, then: npm rebuild node-pty',
  };
}

function node({ nodeVersion }: DoctorFacts): Check {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const [wantedMajor, wantedMinor] = MINIMUM_NODE;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor))
    return well('Node.js', nodeVersion);
  return {
    name: 'Node.js',
    state: 'missing',
    detail: nodeVersion,
    effect: 'paddock is not tested with it and may fail',
    fix: `install Node.js ${wantedMajor}.${wantedMinor} or later`,
  };
}

function kernel({ kernel, architecture }: HostAbilities): Check {
  if (architecture !== 'other') return well('kernel', `${kernel} on ${architecture}`);
  return {
    name: 'kernel',
    state: 'missing',
    detail: kernel,
    effect: 'the fence knows the system calls of x86-64 and aarch64 only: `paddock run` refuses',
    fix: 'use a machine of one of these kinds',
  };
}

// Level 2 and 3 demand privilege for reading the memory of one's own children, which the supervisor does.
function yama({ yama, host }: DoctorFacts): Check {
  const level = Number(yama?.trim() ?? 0);
  if (level < 2 || host?.uid === 0)
    return well('yama', yama === undefined ? 'not active' : `ptrace_scope ${level}`);
  return {
    name: 'yama',
    state: 'degraded',
    detail: `ptrace_scope ${level}`,
    effect:
      'the supervisor cannot read paths and addresses: the calls that need it are denied, so that models may not start',
    fix: 'sysctl kernel.yama.ptrace_scope=1',
  };
}

function terminal({ legacyTiocsti }: DoctorFacts): Check {
  const open = legacyTiocsti?.trim() !== '0';
  return well(
    'terminal',
    `TIOCSTI is ${open ? 'open in the kernel' : 'closed by the kernel'}; the fence closes it for the model`,
  );
}

function binfmt({ apeFormats }: DoctorFacts): Check {
  if (apeFormats.length === 0) return well('binfmt_misc', 'no handler for APE files');
  return {
    name: 'binfmt_misc',
    state: 'degraded',
    detail: `registered: ${apeFormats.join(', ')}`,
    effect:
      'llamafiles that are started without paddock run through that handler, unjudged; paddock does not use it',
    fix: `to take it away: echo -1 > /proc/sys/fs/binfmt_misc/${apeFormats[0] ?? 'APE'}`,
  };
}

function otherPlatform({ platform }: DoctorFacts): Check {
  return {
    name: 'platform',
    state: 'missing',
    detail: platform,
    effect: '`paddock run` refuses here: the fence is built from Landlock and seccomp, which only Linux has',
    fix: 'use Linux; `paddock verify` and `paddock inspect` work here',
  };
}
