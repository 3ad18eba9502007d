// A small loader for APE files, for x86-64 Linux: finds the ELF header that the file carries as text, maps the segments, and jumps.
//   ape-loader PROGRAM ARGUMENTS…        ape-loader - PROGRAM ARGV0 ARGUMENTS…
// Freestanding, and linked far above the addresses that programs use, so that nothing of it is in their way.
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SYS_WRITE = 1, SYS_OPEN = 2, SYS_CLOSE = 3, SYS_MMAP = 9, SYS_PREAD = 17, SYS_EXIT_GROUP = 231,
  O_READ_CLOEXEC = 02000000,
  P_READ = 1, P_WRITE = 2, P_EXEC = 4,
  MAP_PRIVATE_FIXED = 0x12, MAP_ANON = 0x20,
  WINDOW = 8192, MAX_HEADERS = 18, PAGE = 4096,
  FAILED = 127,
};

static const uint64_t LOWEST_ADDRESS = 0x10000, OWN_ADDRESS = 0x600000000;
static unsigned char window[WINDOW];
static Elf64_Phdr headers[MAX_HEADERS]; // the program finds them through AT_PHDR: they stay

void loader_main(uint64_t *stack);
static int find_header(size_t size, Elf64_Ehdr *header, int fd);
static int decode(size_t at, size_t size, Elf64_Ehdr *header);
static int acceptable(const Elf64_Ehdr *header, int fd);
static void map_segment(const Elf64_Phdr *segment, int fd);
static void shift(uint64_t *stack, uint64_t count);
static void patch(uint64_t *stack, const Elf64_Ehdr *header, const char *program);
static int starts_with(size_t at, size_t size, const char *text);
static long call(long number, long a, long b, long c, long d, long e, long f);
static _Noreturn void fail(const char *program, const char *why);

// The stack at entry holds argc, argv, environment and auxiliary vector; its address is the only argument.
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call loader_main\n  hlt\n");

void loader_main(uint64_t *stack) {
  uint64_t argc = stack[0];
  char **argv = (char **)(stack + 1);
  int literal = argc >= 4 && argv[1][0] == '-' && argv[1][1] == '\0';
  if (argc < 2) fail("ape-loader", "usage: ape-loader PROGRAM ARGUMENTS");
  const char *program = argv[literal ? 2 : 1];
  int fd = (int)call(SYS_OPEN, (long)program, O_READ_CLOEXEC, 0, 0, 0, 0);
  if (fd < 0) fail(program, "it cannot be opened");
  long size = call(SYS_PREAD, fd, (long)window, WINDOW, 0, 0, 0);
  Elf64_Ehdr header;
  if (size < (long)sizeof header || !find_header((size_t)size, &header, fd)) fail(program, "it holds no program for x86-64");
  for (int i = 0; i < header.e_phnum; i++) {
    if (headers[i].p_type == PT_LOAD && headers[i].p_memsz > 0) map_segment(&headers[i], fd);
  }
  call(SYS_CLOSE, fd, 0, 0, 0, 0, 0);
  shift(stack, literal ? 3 : 1);
  patch(stack, &header, program);
  // Registers as the kernel leaves them at exec. rdx: a C library takes any other value for a function to call at exit;
  // rdi: some programs take any other value for the sign of another system.
  __asm__ volatile("mov %0, %%rsp\n  xor %%edx, %%edx\n  xor %%edi, %%edi\n  xor %%ecx, %%ecx\n  xor %%ebp, %%ebp\n  jmp *%1\n"
                   :
                   : "S"(stack), "a"(header.e_entry)
                   : "memory", "rdx", "rdi", "rcx");
  __builtin_unreachable();
}

// The first `printf '…'` whose 64 bytes suit this machine; a file without the magic is tried as plain ELF.
static int find_header(size_t size, Elf64_Ehdr *header, int fd) {
  if (!starts_with(0, size, "MZqFpD='") && !starts_with(0, size, "jartsr='") && !starts_with(0, size, "APEDBG='")) {
    __builtin_memcpy(header, window, sizeof *header);
    return acceptable(header, fd);
  }
  for (size_t at = 0; at + 8 < size; at++) {
    if (starts_with(at, size, "printf '") && decode(at + 8, size, header) && acceptable(header, fd)) return 1;
  }
  return 0;
}

// Literal bytes, and octal numbers of one to three digits of which the lowest eight bits count.
static int decode(size_t at, size_t size, Elf64_Ehdr *header) {
  unsigned char *out = (unsigned char *)header;
  size_t length = 0;
  while (at < size && window[at] != '\'' && length < sizeof *header) {
    unsigned byte = window[at++];
    if (byte == '\\') {
      byte = 0;
      for (int i = 0; i < 3 && at < size && window[at] >= '0' && window[at] <= '7'; i++) byte = byte * 8 + (window[at++] - '0');
    }
    out[length++] = (unsigned char)byte;
  }
  return length == sizeof *header;
}

static int acceptable(const Elf64_Ehdr *header, int fd) {
  static const unsigned char start[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB};
  for (size_t i = 0; i < sizeof start; i++) {
    if (header->e_ident[i] != start[i]) return 0;
  }
  if (header->e_type != ET_EXEC || header->e_machine != EM_X86_64 || header->e_phentsize != sizeof(Elf64_Phdr)) return 0;
  if (header->e_phnum == 0 || header->e_phnum > MAX_HEADERS || header->e_phoff > INT64_MAX) return 0;
  long wanted = header->e_phnum * (long)sizeof(Elf64_Phdr);
  if (call(SYS_PREAD, fd, (long)headers, wanted, (long)header->e_phoff, 0, 0) != wanted) return 0;
  for (int i = 0; i < header->e_phnum; i++) {
    if (headers[i].p_type == PT_INTERP || headers[i].p_type == PT_DYNAMIC) return 0;
  }
  return 1;
}

static void map_segment(const Elf64_Phdr *s, int fd) {
  uint64_t end = s->p_vaddr + s->p_memsz, skew = s->p_vaddr % PAGE;
  int below = s->p_vaddr >= LOWEST_ADDRESS && end > s->p_vaddr && end <= OWN_ADDRESS;
  if (!below || s->p_filesz > s->p_memsz || s->p_offset % PAGE != skew) fail("ape-loader", "a segment is impossible");
  long protection = (s->p_flags & PF_R ? P_READ : 0) | (s->p_flags & PF_W ? P_WRITE : 0) | (s->p_flags & PF_X ? P_EXEC : 0);
  uint64_t start = s->p_vaddr - skew, file_end = s->p_vaddr + s->p_filesz, file_pages_end = (file_end + PAGE - 1) & -(uint64_t)PAGE;
  if (s->p_filesz > 0) {
    long at = call(SYS_MMAP, (long)start, (long)(file_end - start), protection, MAP_PRIVATE_FIXED, fd, (long)(s->p_offset - skew));
    if (at != (long)start) fail("ape-loader", "a segment cannot be mapped");
  } else {
    file_pages_end = start;
  }
  if (s->p_filesz > 0 && s->p_memsz > s->p_filesz && (protection & P_WRITE) != 0) {
    for (uint64_t p = file_end; p < file_pages_end && p < end; p++) *(volatile char *)p = 0;
  }
  if (end <= file_pages_end) return;
  long rest = (long)(end - file_pages_end);
  long at = call(SYS_MMAP, (long)file_pages_end, rest, protection, MAP_PRIVATE_FIXED | MAP_ANON, -1, 0);
  if (at != (long)file_pages_end) fail("ape-loader", "a segment cannot be mapped");
}

// Takes `count` arguments away in front. Everything behind moves down, so that the stack pointer stays aligned.
static void shift(uint64_t *stack, uint64_t count) {
  uint64_t words = 1 + stack[0] + 1; // argc, argv and its end
  while (stack[words++] != 0) continue;
  while (stack[words] != AT_NULL) words += 2;
  words += 2;
  stack[0] -= count;
  for (uint64_t i = 1; i + count < words; i++) stack[i] = stack[i + count];
}

static void patch(uint64_t *stack, const Elf64_Ehdr *header, const char *program) {
  uint64_t *vector = stack + 1 + stack[0] + 1;
  while (*vector++ != 0) continue;
  for (; vector[0] != AT_NULL; vector += 2) {
    if (vector[0] == AT_PHDR) vector[1] = (uint64_t)headers;
    if (vector[0] == AT_PHENT) vector[1] = sizeof(Elf64_Phdr);
    if (vector[0] == AT_PHNUM) vector[1] = header->e_phnum;
    if (vector[0] == AT_ENTRY) vector[1] = header->e_entry;
    if (vector[0] == AT_EXECFN) vector[1] = (uint64_t)program;
  }
}

static int starts_with(size_t at, size_t size, const char *text) {
  for (; *text != '\0'; text++, at++) {
    if (at >= size || window[at] != (unsigned char)*text) return 0;
  }
  return 1;
}

static long call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

static _Noreturn void fail(const char *program, const char *why) {
  const char *parts[] = {program, ": ", why, "\n"};
  for (int i = 0; i < 4; i++) {
    size_t length = 0;
    while (parts[i][length] != '\0') length++;
    call(SYS_WRITE, 2, (long)parts[i], (long)length, 0, 0, 0);
  }
  for (;;) call(SYS_EXIT_GROUP, FAILED, 0, 0, 0, 0, 0);
}
