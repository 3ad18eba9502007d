/* The wire format between the launcher (src/launch/operations.ts) and paddock-gate.
 *
 * Descriptors given to the gate:
 *   0 1 2  the program's standard streams
 *   3      operations, read to the end record, then closed
 *   4      events, one JSON object a line (src/watch/events.ts)
 *   5      control: text commands, one a line; end of file kills the session
 *   6      the program: the judged file, opened once by the launcher, or what is executed in its place (GATE_FILE)
 *   7      the judged file where another program reads it as a container (GATE_CONTAINER); may be missing
 *   8      the session's entry in the register of sessions: its lock is held as long as this process lives, and not a moment
 *          longer, as the program never has it; may be missing (GATE_ENTRY)
 *
 * Operations: 8 bytes "PDKGATE1", then records: u32 opcode, u32 payload length, payload. Little-endian. Strings are
 * u32 length and bytes without NUL. The whole stream is at most GATE_MAX_STREAM bytes. A record that is unknown, too
 * short, too long by a single byte, or on the wrong side of FORK is an error, and nothing is started.
 *
 * Handles: a descriptor is 0, 1, 2, 6 or 7; a slot is one that a memfd filled. `place` takes numbers below 64. What is
 * executed and was also placed is executed by that number, so that AT_EXECFN (/dev/fd/N) stays valid.
 *
 * Order: supervisor operations, FORK, child operations, EXEC. NO_NEW_PRIVILEGES comes before LANDLOCK_RESTRICT, SECCOMP
 * and SECCOMP_NOTIFY; no filter comes after SECCOMP_NOTIFY. That filter must not notify read, write and close, which hand
 * the listener over, nor what the child still has to do: it is best placed just before EXEC. NAMESPACES comes at most
 * once, before NO_NEW_PRIVILEGES, and asks for DROP_CAPABILITIES after it. What was done before it (limits, a cgroup) is
 * the namespace's init's as well; what comes after it is the program's alone.
 *
 * Control commands: "signal N" (forward to the program, unless the gate itself received the same signal as a member
 * of the same process group within the last 500 ms), "continue" (SIGCONT to the program's group), "kill", "freeze",
 * "thaw", "close N" (enum closing, added up: the program is ready, and what N names is closed for good), "drained" (the launcher has read all terminal output and has looked into the cgroups for the last time; the
 * gate may remove them and exit). Without "drained" the gate stays for ten seconds at a terminal, and for a quarter of a second
 * when it has cgroups to remove.
 */
#ifndef PADDOCK_PROTOCOL_H
#define PADDOCK_PROTOCOL_H

#define GATE_MAGIC "PDKGATE1"
#define GATE_MAX_STREAM (16u << 20)
#define GATE_MAX_SLOTS 8

enum { GATE_OPERATIONS = 3, GATE_EVENTS = 4, GATE_CONTROL = 5, GATE_FILE = 6, GATE_CONTAINER = 7, GATE_ENTRY = 8 };

enum opcode {
  OP_END = 0,
  /* supervisor */
  OP_SUBREAPER = 1,
  OP_MEMFD = 2,      /* u32 slot, string name, rest: content */
  OP_CGROUP = 3,     /* u32 kind (enum cgroup_kind), string path */
  OP_ANSWER = 4,     /* i32 nr, u32 foreign, u32 answer, u32 errno, u32 kill, string label */
  OP_ALLOW_BIND = 5, /* u32 family, u32 port, rest: 4 or 16 address bytes */
  OP_GRANT = 6,      /* u32 rights, string path */
  OP_EVENT_RATE = 7, /* u32 burst, u32 per second */
  OP_TERMINAL = 8,
  OP_ALLOW_CONNECT = 9, /* u32 family, u32 port (not 0), rest: 4 or 16 address bytes */
  OP_HOLD = 15,      /* u32 fd, u32 lease, u64 device, inode, size, mtime, ctime (ns): the file must be that one, and stays so */
  OP_FORK = 20,
  /* child */
  OP_DEATH_SIGNAL = 30,        /* u32 signal */
  OP_RLIMIT = 31,              /* u32 resource, u64 soft, u64 hard */
  OP_JOIN = 32,                /* string path of cgroup.procs */
  OP_CHDIR = 33,               /* string */
  OP_UMASK = 34,               /* u32 */
  OP_DROP_CAPABILITIES = 35,
  OP_NO_NEW_PRIVILEGES = 36,
  OP_LANDLOCK_CREATE = 37,     /* u64 fs, u64 net, u64 scoped */
  OP_LANDLOCK_PATH = 38,       /* u64 access, u32 optional, string; a file gets the rights that files have */
  OP_LANDLOCK_DESCRIPTOR = 39, /* u64 access, u32 fd */
  OP_LANDLOCK_PORT = 40,       /* u64 access, u64 port */
  OP_LANDLOCK_RESTRICT = 41,   /* u32 flags */
  OP_SECCOMP = 42,             /* struct sock_filter[] */
  OP_SECCOMP_NOTIFY = 43,      /* struct sock_filter[] */
  OP_PLACE = 44,               /* handle from, u32 to */
  OP_CLOSE_FROM = 45,          /* u32 first */
  OP_ENVIRONMENT = 46,         /* string KEY=VALUE */
  OP_ARGUMENT = 47,            /* string */
  OP_SIGNALS = 48,
  OP_NICE = 60,        /* u32 0 to 19 */
  OP_IO_PRIORITY = 61, /* u32 level 0 to 7 of the class best effort; never in front of where the caller is */
  OP_AFFINITY = 62,    /* rest: bit n of the bytes stands for CPU n */
  OP_NAMESPACES = 70,  /* u32 kinds: enum namespace_kind, added up */
  OP_EXEC = 49 /* handle: u32 kind (0 descriptor, 1 memfd slot), u32 number */
};

/* The first three always go together: nothing is unshared without a user namespace of its own, and the process files of
 * the new process namespace are mounted. */
enum namespace_kind {
  NAMESPACE_USER = 1,
  NAMESPACE_MOUNT = 2,
  NAMESPACE_PROCESS = 4,
  NAMESPACE_IPC = 8,
  NAMESPACE_NAME = 16,
  NAMESPACE_NETWORK = 32,
  NAMESPACE_ALWAYS = NAMESPACE_USER | NAMESPACE_MOUNT | NAMESPACE_PROCESS,
  NAMESPACE_ANY = NAMESPACE_ALWAYS | NAMESPACE_IPC | NAMESPACE_NAME | NAMESPACE_NETWORK
};

enum cgroup_kind { CGROUP_V2 = 0, CGROUP_V1_FREEZER = 1, CGROUP_V1 = 2 };

enum answer_kind {
  ANSWER_CONTINUE = 0,
  ANSWER_DENY = 1,
  ANSWER_EXEC_ONCE = 2,
  ANSWER_EXEC = 3,
  ANSWER_OPEN = 4,
  ANSWER_BIND = 5,
  ANSWER_LISTEN = 6,
  ANSWER_CONNECT = 7,
  ANSWER_PROCESS = 8,
  ANSWER_MAP = 9
};

/* What "close N" closes, added up. */
enum closing { CLOSED_EXEC = 1, CLOSED_WRITE = 2, CLOSED_LISTEN = 4, CLOSED_MAP = 8, CLOSED_ANY = 15 };

/* Kept: what may be written there may be written after CLOSED_WRITE, too. */
enum { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_EXECUTE = 4, RIGHT_KEPT = 8 };

#endif
