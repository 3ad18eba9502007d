#include "notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "process.h"

/* What the launcher must hear of, however much noise is made around it. Three of the longest lines of both kinds fit into
 * what the event buffer keeps for lines that matter. */
enum { ALWAYS_TOLD = 3 };

static const struct answer UNLISTED = {.nr = -1, .kind = ANSWER_DENY, .error = ENOSYS, .label = "unlisted"};

static const struct answer *find_answer(const struct table *table, const struct call *call);
static bool send_answer(struct notifier *notifier, const struct call *call, const struct outcome *outcome);
static void report(struct notifier *notifier, const struct call *call, const struct outcome *outcome, enum weight weight);
static enum weight weigh(struct notifier *notifier, const struct answer *answer, const struct outcome *outcome);

int notifier_open(struct notifier *notifier, int listener) {
  struct seccomp_notif_sizes sizes;
  if (sys_seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0) return -1;
  notifier->request_size = sizes.seccomp_notif > sizeof *notifier->request ? sizes.seccomp_notif : sizeof *notifier->request;
  notifier->response_size =
      sizes.seccomp_notif_resp > sizeof *notifier->response ? sizes.seccomp_notif_resp : sizeof *notifier->response;
  notifier->request = calloc(1, notifier->request_size);
  notifier->response = calloc(1, notifier->response_size);
  if (notifier->request == NULL || notifier->response == NULL) return -1;
  notifier->listener = listener;
  return 0;
}

bool notifier_serve(struct notifier *notifier) {
  static struct outcome outcome; /* large; one call is answered at a time */
  memset(notifier->request, 0, notifier->request_size); /* the kernel refuses a struct that is not zero */
  if (ioctl(notifier->listener, SECCOMP_IOCTL_NOTIF_RECV, notifier->request) < 0)
    return errno == ENOENT || errno == EINTR; /* ENOENT: the caller died meanwhile */
  const struct seccomp_notif *request = notifier->request;
  struct call call = {request->id, (pid_t)request->pid, request->data.nr, request->data.arch, {0}, false};
  for (int i = 0; i < 6; i++) call.args[i] = request->data.args[i];
  call.native = call.arch == NATIVE_ARCH && ((uint32_t)call.nr & FOREIGN_BIT) == 0;

  memset(&outcome, 0, offsetof(struct outcome, target));
  outcome.target.length = 0;
  const struct answer *answer = find_answer(notifier->table, &call);
  const struct call_context context = {notifier, answer, &call};
  outcome.label = answer->label;
  answer_call(&context, &outcome);
  if (call.tid == notifier->child && (call.nr == SYS_execve || call.nr == SYS_execveat)) notifier->executed = true;

  if (outcome.answer != ANSWERED_LATER) notifier_finish(notifier, &call, answer, &outcome);
  return true;
}

void notifier_finish(struct notifier *notifier, const struct call *call, const struct answer *answer,
                     const struct outcome *outcome) {
  bool sent = send_answer(notifier, call, outcome);
  if (!outcome->silent && sent) report(notifier, call, outcome, weigh(notifier, answer, outcome));
  if (outcome->answer == DENIED && answer->kill) notifier->kill = true;
}

bool still_valid(const struct notifier *notifier, uint64_t id) {
  return ioctl(notifier->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static const struct answer *find_answer(const struct table *table, const struct call *call) {
  for (size_t i = 0; i < table->answer_count; i++) {
    const struct answer *answer = &table->answers[i];
    if (answer->foreign != call->native && (answer->nr == -1 || answer->nr == call->nr)) return answer;
  }
  return &UNLISTED;
}

static bool send_answer(struct notifier *notifier, const struct call *call, const struct outcome *outcome) {
  struct seccomp_notif_resp *response = notifier->response;
  memset(response, 0, notifier->response_size);
  response->id = call->id;
  if (outcome->answer == CONTINUED) response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  else response->error = -outcome->error; /* 0 for an emulated call that worked */
  if (outcome->answer == EMULATED && outcome->error == 0) response->val = outcome->result;
  return ioctl(notifier->listener, SECCOMP_IOCTL_NOTIF_SEND, response) == 0 || errno != ENOENT;
}

/* Whether a refused open or change ends the session is for the launcher to say, so it must not drown in a flood of what is
 * granted, or of one that is refused and does not matter. A target that differs from the last one is news. */
static enum weight weigh(struct notifier *notifier, const struct answer *answer, const struct outcome *outcome) {
  if (answer->kind != ANSWER_OPEN || (outcome->answer != DENIED && outcome->grant != NOT_GRANTED)) return CALL;
  struct told *told = strcmp(outcome->label, "write") == 0 ? &notifier->writes : &notifier->reads;
  const size_t length = outcome->has_target ? outcome->target.length : 0;
  if (told->count >= ALWAYS_TOLD) return CALL;
  if (told->count > 0 && told->last.length == length && memcmp(told->last.text, outcome->target.text, length) == 0) return CALL;
  told->count++;
  told->last.length = length;
  memcpy(told->last.text, outcome->target.text, length);
  return VITAL;
}

static void report(struct notifier *notifier, const struct call *call, const struct outcome *outcome, enum weight weight) {
  static const char *const ANSWERS[] = {"continued", "emulated", "denied"};
  static struct line line;
  char args[160];
  int length = 0;
  pid_t process = process_of_thread(call->tid);
  line_begin(&line, "call");
  line_number(&line, "pid", process > 0 ? process : call->tid);
  line_text(&line, "label", outcome->label, strlen(outcome->label));
  line_number(&line, "nr", (uint32_t)call->nr); /* never negative: the caller may put anything into the register */
  line_number(&line, "arch", call->arch);
  line_text(&line, "answer", ANSWERS[outcome->answer], strlen(ANSWERS[outcome->answer]));
  line_number(&line, "errno", outcome->error);
  if (outcome->has_target) line_text(&line, "target", outcome->target.text, outcome->target.length);
  if (outcome->grant != NO_GRANT) line_flag(&line, "granted", outcome->grant == GRANTED);
  for (int i = 0; i < 6; i++)
    length += snprintf(args + length, sizeof args - (size_t)length, "%s\"0x%llx\"", i == 0 ? "[" : ",",
                       (unsigned long long)call->args[i]);
  (void)snprintf(args + length, sizeof args - (size_t)length, "]");
  line_raw(&line, "args", args);
  events_emit(notifier->events, &line, weight);
}
