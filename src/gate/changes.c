/* Calls that change the tree of names: nothing is opened, and Landlock refuses them like a write. They are watched so
 * that a refusal is seen. */
#include <errno.h>

#include "notify.h"

struct place {
  signed char path, directory; /* arguments, as in struct call_shape; path -1: none */
};

struct change {
  int nr;
  /* A name that must be there for the call to do anything, and one that the call makes. Either may be missing. */
  struct place existing, made;
};

#define NOWHERE {-1, -1}

static const struct change CHANGES[] = {
#ifdef SYS_unlink
    {SYS_unlink, {0, -1}, NOWHERE},
    {SYS_rmdir, {0, -1}, NOWHERE},
    {SYS_mkdir, NOWHERE, {0, -1}},
    {SYS_symlink, NOWHERE, {1, -1}},
    {SYS_link, {0, -1}, {1, -1}},
    {SYS_rename, {0, -1}, {1, -1}},
#endif
#ifdef SYS_renameat
    {SYS_renameat, {1, 0}, {3, 2}},
#endif
    {SYS_truncate, {0, -1}, NOWHERE},
    {SYS_unlinkat, {1, 0}, NOWHERE},
    {SYS_mkdirat, NOWHERE, {1, 0}},
    {SYS_symlinkat, NOWHERE, {2, 1}},
    {SYS_linkat, {1, 0}, {3, 2}},
    {SYS_renameat2, {1, 0}, {3, 2}},
};

struct found {
  struct path asked;
  bool exists, granted, kept;
};

static int look(const struct call_context *context, struct place place, bool last, struct found *found);

const struct change *call_change(const struct call *call) {
  if (!call->native) return NULL;
  for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++)
    if (CHANGES[i].nr == call->nr) return &CHANGES[i];
  return NULL;
}

/* The report names the path that is not granted; of two, the existing one first. What fails anyway, since a name is
 * missing or taken, harms nobody and is not reported. */
void answer_change(const struct call_context *context, const struct change *change, struct outcome *outcome) {
  static struct found existing, made;
  const bool removes = change->existing.path >= 0, makes = change->made.path >= 0;
  int error = 0;
  outcome->answer = CONTINUED;
  outcome->label = "write";
  if (removes) error = look(context, change->existing, change->nr == SYS_truncate, &existing);
  if (error == 0 && makes) error = look(context, change->made, false, &made);
  if (error != 0) {
    outcome->answer = DENIED;
    outcome->error = error;
    return;
  }
  const struct found *shown = removes && (!makes || !existing.granted) ? &existing : &made;
  outcome->target = shown->asked;
  outcome->has_target = shown->asked.length > 0;
  outcome->grant = shown->granted ? GRANTED : NOT_GRANTED;
  outcome->error = shown->granted ? 0 : EACCES;
  outcome->kept = (!removes || existing.kept) && (!makes || made.kept);
  outcome->silent = removes ? !existing.exists : made.exists;
}

/* `last`: a link in the last component is followed. Returns 0 or the errno to deny the call with. */
static int look(const struct call_context *context, struct place place, bool last, struct found *found) {
  static struct path resolved;
  const struct call_shape shape = {.nr = context->call->nr, .path = place.path, .directory = place.directory};
  int error = call_path(context->call, &shape, &found->asked);
  if (error != 0) return error;
  found->exists = false;
  found->granted = path_granted(context->call, &context->notifier->table->grants, &found->asked, RIGHT_WRITE, last,
                                &resolved, &found->exists);
  found->kept = (path_rights(&context->notifier->table->grants, &resolved) & RIGHT_KEPT) != 0;
  return 0;
}
