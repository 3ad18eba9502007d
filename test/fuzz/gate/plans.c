#include "plans.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../../src/gate/order.h"

/* What a field may be, so that most of them are accepted:
 *   u any number    q any 64-bit number   b flag        k answer       e errno       l slot      p port, not 0
 *   a family, port and address            h handle      t where it is placed         d descriptor of the program
 *   S signal        N niceness   I level  M file mode mask             G namespaces  c kind of cgroup
 *   H judged file   s string     L label  E variable    P absolute path              F filter    8 CPUs      * bytes */
static const struct {
  uint32_t opcode;
  const char *fields, *form;
} OPERATIONS[] = {
    {OP_SUBREAPER, "", ""},          {OP_MEMFD, "lL*", "us*"},         {OP_CGROUP, "cs", "us"},
    {OP_ANSWER, "ubkebL", "uuuuus"}, {OP_ALLOW_BIND, "a", "uu*"},      {OP_GRANT, "uP", "us"},
    {OP_EVENT_RATE, "uu", "uu"},     {OP_TERMINAL, "", ""},            {OP_ALLOW_CONNECT, "a", "uu*"},
    {OP_HOLD, "Hbqqqqq", "uuqqqqq"}, {OP_FORK, "", ""},                {OP_DEATH_SIGNAL, "S", "u"},
    {OP_RLIMIT, "uqq", "uqq"},       {OP_JOIN, "s", "s"},              {OP_CHDIR, "s", "s"},
    {OP_UMASK, "M", "u"},            {OP_DROP_CAPABILITIES, "", ""},   {OP_NO_NEW_PRIVILEGES, "", ""},
    {OP_LANDLOCK_CREATE, "qqq", "qqq"}, {OP_LANDLOCK_PATH, "qbs", "qus"}, {OP_LANDLOCK_DESCRIPTOR, "qd", "qu"},
    {OP_LANDLOCK_PORT, "qq", "qq"},  {OP_LANDLOCK_RESTRICT, "u", "u"}, {OP_SECCOMP, "F", "*"},
    {OP_SECCOMP_NOTIFY, "F", "*"},   {OP_PLACE, "ht", "uuu"},          {OP_CLOSE_FROM, "u", "u"},
    {OP_ENVIRONMENT, "E", "s"},      {OP_ARGUMENT, "s", "s"},          {OP_SIGNALS, "", ""},
    {OP_NICE, "N", "u"},             {OP_IO_PRIORITY, "I", "u"},       {OP_AFFINITY, "8", "*"},
    {OP_NAMESPACES, "G", "u"},       {OP_EXEC, "h", "uu"},             {OP_END, "", ""},
};
enum { OPERATION_COUNT = sizeof OPERATIONS / sizeof *OPERATIONS };

/* In the order of the launcher's plans. `of`: comes in one of so many plans; `most`: up to so often. */
static const struct {
  uint32_t opcode;
  unsigned char of, most;
} USUAL[] = {
    {OP_SUBREAPER, 2, 1},         {OP_HOLD, 3, 2},           {OP_MEMFD, 2, 3},          {OP_CGROUP, 4, 2},
    {OP_ANSWER, 2, 6},            {OP_ALLOW_BIND, 3, 2},     {OP_ALLOW_CONNECT, 3, 2},  {OP_GRANT, 2, 5},
    {OP_EVENT_RATE, 3, 1},        {OP_TERMINAL, 6, 1},       {OP_FORK, 1, 1},           {OP_DEATH_SIGNAL, 2, 1},
    {OP_RLIMIT, 2, 3},            {OP_NICE, 4, 1},           {OP_IO_PRIORITY, 4, 1},    {OP_AFFINITY, 4, 1},
    {OP_JOIN, 4, 1},              {OP_NAMESPACES, 4, 1},     {OP_DROP_CAPABILITIES, 1, 1}, {OP_CHDIR, 3, 1},
    {OP_UMASK, 3, 1},             {OP_NO_NEW_PRIVILEGES, 1, 1}, {OP_LANDLOCK_CREATE, 2, 1}, {OP_LANDLOCK_PATH, 2, 4},
    {OP_LANDLOCK_DESCRIPTOR, 4, 1}, {OP_LANDLOCK_PORT, 4, 1}, {OP_LANDLOCK_RESTRICT, 2, 1}, {OP_SECCOMP, 2, 2},
    {OP_PLACE, 2, 3},             {OP_CLOSE_FROM, 2, 1},     {OP_ENVIRONMENT, 2, 4},    {OP_SIGNALS, 2, 1},
    {OP_SECCOMP_NOTIFY, 2, 1},    {OP_ARGUMENT, 1, 4},       {OP_EXEC, 1, 1},
};

enum { MAX_RECORDS = 128 };
struct record {
  uint32_t opcode;
  size_t at, length; /* of the payload in `payloads` */
};
static struct record records[MAX_RECORDS];
static size_t record_count;
static struct bytes payloads;
static bool landlock; /* whether this plan has a ruleset */
static unsigned slots; /* those that a memfd has filled */

const char *payload_form(uint32_t opcode) {
  for (size_t i = 0; i < OPERATION_COUNT; i++)
    if (OPERATIONS[i].opcode == opcode) return OPERATIONS[i].form;
  return NULL;
}

static void put(struct bytes *bytes, const void *from, size_t length) {
  if (bytes->length + length > bytes->capacity) {
    bytes->capacity = (bytes->length + length) * 2 + 256;
    bytes->at = realloc(bytes->at, bytes->capacity);
    if (bytes->at == NULL) abort();
  }
  if (length > 0) memcpy(bytes->at + bytes->length, from, length);
  bytes->length += length;
}

static void put_number(struct bytes *bytes, uint64_t value, size_t size) {
  uint8_t little[8];
  for (size_t i = 0; i < size; i++) little[i] = (uint8_t)(value >> 8 * i);
  put(bytes, little, size);
}

static void put_u32(uint64_t value) { put_number(&payloads, (uint32_t)value, 4); }

static void put_random(struct random *random, size_t length) {
  for (size_t i = 0; i < length; i++) put_number(&payloads, any(random), 1);
}

/* Mostly a plain text; sometimes bytes of any value but NUL, or one at the edge of what is taken. */
static void put_string(struct random *random, const char *prefix, size_t usual) {
  size_t length = chance(random, 40) ? below(random, 200) : below(random, usual);
  const size_t before = strlen(prefix);
  const bool plain = !chance(random, 6);
  put_u32(before + length);
  put(&payloads, prefix, before);
  for (; length > 0; length--) put_number(&payloads, plain ? 'a' + below(random, 26) : 1 + below(random, 255), 1);
}

static void put_handle(struct random *random) {
  static const uint32_t GIVEN[] = {0, 1, 2, 6, 6, 6, 7};
  uint32_t slot = (uint32_t)below(random, GATE_MAX_SLOTS);
  while (slots != 0 && (slots >> slot & 1) == 0) slot = (slot + 1) % GATE_MAX_SLOTS;
  const bool memory = slots != 0 && chance(random, 2);
  put_u32(memory);
  put_u32(chance(random, 40) ? below(random, 10) : memory ? slot : PICK(random, GIVEN));
}

static void put_slot(struct random *random) {
  uint32_t slot = (uint32_t)below(random, GATE_MAX_SLOTS);
  while ((slots >> slot & 1) != 0 && slots != (1u << GATE_MAX_SLOTS) - 1) slot = (slot + 1) % GATE_MAX_SLOTS;
  slots |= 1u << slot;
  put_u32(slot);
}

static void put_address(struct random *random) {
  const bool six = chance(random, 2);
  put_u32(six ? AF_INET6 : AF_INET);
  put_u32(1 + below(random, 65535));
  put_random(random, chance(random, 30) ? below(random, 20) : six ? 16 : 4);
}

static void put_field(struct random *random, char field) {
  static const struct {
    char field;
    uint32_t least, count;
  } RANGES[] = {{'b', 0, 2}, {'k', 0, ANSWER_MAP + 1}, {'e', 0, 4096}, {'t', 0, 64}, {'S', 1, 64}, {'N', 0, 20},
                {'I', 0, 8}, {'M', 0, 01000}, {'c', 0, 3}, {'H', 6, 2}};
  static const uint32_t GIVEN[] = {0, 1, 2, 6, 7};
  for (size_t i = 0; i < sizeof RANGES / sizeof *RANGES; i++)
    if (RANGES[i].field == field) {
      put_u32(chance(random, 60) ? interesting(random) : RANGES[i].least + below(random, RANGES[i].count));
      return;
    }
  switch (field) {
    case 'q': put_number(&payloads, interesting(random), 8); return;
    case 'l': put_slot(random); return;
    case 'a': put_address(random); return;
    case 'h': put_handle(random); return;
    case 'd': put_u32(chance(random, 60) ? interesting(random) : PICK(random, GIVEN)); return;
    case 'G': put_u32(chance(random, 30) ? interesting(random) : NAMESPACE_ALWAYS | below(random, 64)); return;
    case 's': put_string(random, "", 12); return;
    case 'L': put_string(random, "", chance(random, 20) ? 80 : 20); return;
    case 'E': put_string(random, chance(random, 60) ? "" : "NAME=", 12); return;
    case 'P': put_string(random, chance(random, 60) ? "" : "/", 30); return;
    case 'F': put_random(random, chance(random, 40) ? below(random, 40) : 8 * (1 + below(random, chance(random, 50) ? 4100 : 6))); return;
    case '8': put_random(random, chance(random, 40) ? below(random, 1100) : 1 + below(random, 9)); return;
    case '*': put_random(random, below(random, 40)); return;
    default: put_u32(interesting(random)); return;
  }
}

static void add_record(struct random *random, uint32_t opcode) {
  if (record_count == MAX_RECORDS) return;
  struct record *record = &records[record_count++];
  *record = (struct record){opcode, payloads.length, 0};
  for (size_t i = 0; i < OPERATION_COUNT; i++)
    if (OPERATIONS[i].opcode == opcode)
      for (const char *field = OPERATIONS[i].fields; *field != 0; field++) put_field(random, *field);
  record->length = payloads.length - record->at;
}

static void usual_records(struct random *random) {
  record_count = payloads.length = slots = 0;
  landlock = chance(random, 2);
  for (size_t i = 0; i < sizeof USUAL / sizeof *USUAL; i++) {
    const uint32_t opcode = USUAL[i].opcode;
    const bool about_landlock = opcode >= OP_LANDLOCK_CREATE && opcode <= OP_LANDLOCK_RESTRICT;
    const bool needed = opcode == OP_LANDLOCK_CREATE || opcode == OP_LANDLOCK_RESTRICT;
    if (about_landlock && !landlock && !chance(random, 200)) continue;
    if (!(about_landlock && needed) && !chance(random, USUAL[i].of)) continue;
    for (uint64_t times = 1 + below(random, USUAL[i].most); times > 0; times--) add_record(random, opcode);
  }
}

/* Whole records: one more, one less, another place. */
static void change_records(struct random *random) {
  const size_t from = below(random, record_count), to = below(random, record_count);
  const struct record moved = records[from];
  switch (below(random, 4)) {
    case 0:
      add_record(random, OPERATIONS[below(random, OPERATION_COUNT)].opcode);
      if (record_count > 0) {
        const struct record last = records[record_count - 1];
        memmove(&records[to + 1], &records[to], (record_count - 1 - to) * sizeof *records);
        records[to] = last;
      }
      return;
    case 1:
      memmove(&records[from], &records[from + 1], (record_count - from - 1) * sizeof *records);
      record_count--;
      return;
    case 2:
      records[from] = records[to];
      records[to] = moved;
      return;
    default:
      records[from].opcode = chance(random, 2) ? (uint32_t)interesting(random) : OPERATIONS[below(random, OPERATION_COUNT)].opcode;
  }
}

static void change_bytes(struct random *random, struct bytes *stream) {
  const size_t at = below(random, stream->length), left = stream->length - at;
  const uint64_t number = interesting(random);
  switch (below(random, 5)) {
    case 0:
      stream->at[at] ^= (uint8_t)(1u << below(random, 8));
      return;
    case 1:
      for (size_t i = 0; i < 4 && i < left; i++) stream->at[at + i] = (uint8_t)(number >> 8 * i);
      return;
    case 2:
      stream->length = at;
      return;
    case 3: {
      const size_t gone = 1 + below(random, left < 12 ? left : 12);
      memmove(stream->at + at, stream->at + at + gone, left - gone);
      stream->length -= gone;
      return;
    }
    default: { /* something behind the end record */
      uint8_t again[16];
      const size_t length = left < sizeof again ? left : sizeof again;
      memcpy(again, stream->at + at, length);
      put(stream, again, length);
    }
  }
}

static void put_record(struct bytes *into, const struct record *record, uint64_t claimed) {
  put_number(into, record->opcode, 4);
  put_number(into, claimed, 4);
  put(into, payloads.at + record->at, record->length);
}

/* What is bounded, about as often as that: rarely, and seldom where it takes many. */
static const struct {
  uint32_t opcode, most, of;
} BOUNDS[] = {{OP_ANSWER, MAX_ANSWERS, 2000}, {OP_ALLOW_BIND, MAX_ADDRESSES, 500}, {OP_ALLOW_CONNECT, MAX_ADDRESSES, 500},
              {OP_GRANT, MAX_GRANTS, 2000}, {OP_CGROUP, MAX_CGROUPS, 500}, {OP_ARGUMENT, MAX_STRINGS, 10000},
              {OP_ENVIRONMENT, MAX_STRINGS, 10000}, {OP_UMASK, 1 << 18, 20000}};

static uint64_t times_of(struct random *random, uint32_t opcode) {
  for (size_t i = 0; i < sizeof BOUNDS / sizeof *BOUNDS; i++)
    if (BOUNDS[i].opcode == opcode && chance(random, BOUNDS[i].of)) return BOUNDS[i].most - 1 + below(random, 3);
  return 1;
}

static void make_too_long(struct bytes *into) {
  static const uint8_t nothing[4096];
  while (into->length <= GATE_MAX_STREAM) put(into, nothing, sizeof nothing);
}

void make_plan(struct random *random, struct bytes *into) {
  usual_records(random);
  const uint64_t changes = chance(random, 2) ? 0 : 1 + below(random, 3);
  for (uint64_t i = 0; i < changes && record_count > 1; i++)
    if (chance(random, 2)) change_records(random);
  into->length = 0;
  put(into, GATE_MAGIC, 8);
  uint32_t repeated = OP_END;
  for (size_t i = 0; i < record_count; i++) {
    if (records[i].opcode == repeated) continue;
    const uint64_t claimed = chance(random, 300) ? interesting(random) : records[i].length;
    uint64_t times = times_of(random, records[i].opcode);
    if (times > 1) repeated = records[i].opcode;
    for (; times > 0; times--) put_record(into, &records[i], claimed);
  }
  if (!chance(random, 100)) put_number(into, 0, 8);
  for (uint64_t i = 0; i < changes; i++)
    if (chance(random, 2) && into->length > 0) change_bytes(random, into);
  if (chance(random, 20000)) make_too_long(into);
}
