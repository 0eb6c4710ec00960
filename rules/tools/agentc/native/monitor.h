/* Monitor: tests the observations of each agent against the agent's own predictions.

   A stream is one modality (or several, see SLOTS). Under the agent's model an observation o has the probability p(o), so for
   any alternative q the payoff q(o) / p(o) is 1 on average, whatever happened before. Each bet multiplies its evidence by
   1 - stake + stake * payoff and begins again below 1: a CUSUM e-detector (Shin, Ramdas, Rinaldo 2024). Its evidence reaches
   the threshold A after A nominal steps or more, on average. Payoffs are limited by HIGHEST_PAYOFF and scaled, so that this
   also holds if a share of the observations (the tolerance) is arbitrary. Only + * / and comparisons of f32 in one order:
   equal bits on every core. */
enum { UNIFORM_HIGH, UNIFORM_LOW, REPEAT };
typedef struct {
    f32 evidence[BETS];      /* 0 up to 1 */
    u16 begun[BETS], last;   /* step of the first bet, and the last outcome, modulo 2^16 */
} evidence_stream;
typedef struct {
    u64 steps, since; /* steps so far; step at which the surprise began */
    u16 alarms;       /* since the first step, 65535 at most */
    u16 modality;     /* that surprised, from 1 on; 0: the agent is not degraded */
    u16 betting;      /* a bit for each stream with evidence */
    u16 turn;         /* stream that was tested last while none had evidence */
} monitor_head;

typedef struct { monitor_head heads[INSTANCES]; evidence_stream streams[STREAMS]; } monitor;
_Static_assert(sizeof(monitor_head) + SLOTS * sizeof(evidence_stream) <= 200, "an agent's monitor has 200 bytes at most");
SHARED(monitor, monitors, [COPIES]);
#if WORKERS > 1
SHARED(u8, alarmed, [INSTANCES]); /* 1: the alarm of this step is not logged yet */
#endif

static void put_modality(i32 i, i32 m) {
    const char *name = modality_names[agent_modality[instances[i].agent] + m];
    if (name) put(name);
    else put_int(m);
}

/* Log the alarm; the line is written at once, before the answer. */
static void log_alarm(i32 i, i32 copy_) {
    static u8 said[512];
    const monitor_head *head = &monitors[copy_].heads[i];
    const __typeof__(out) before_ = out;
    word ignored = 0;
    if (discards) return; /* --measure */
    redirect_output(said, sizeof said);
    put("degraded: agent "), put(instances[i].name), put(", modality "), put_modality(i, head->modality - 1);
    if (COPIES > 1) put(", copy "), put_int(copy_);
    put(": its observations surprise since step "), put_u64(head->since), put(" (now "), put_u64(head->steps), put(")\n");
    write_all(2, out.to, out.used, &ignored);
    out = before_;
}

static void raise_alarm(i32 i, i32 copy_, i32 modality, u32 age) {
    monitor_head *head = &monitors[copy_].heads[i];
    head->modality = (u16)(modality < 65534 ? modality + 1 : 65535), head->since = head->steps - age;
    head->alarms = (u16)(head->alarms + (head->alarms < 65535));
#if WORKERS > 1
    alarmed[i] = 1; /* all workers done, the alarms are logged in the order of the agents */
#else
    log_alarm(i, copy_);
#endif
}

static f32 limited(f32 payoff) { return payoff < HIGHEST_PAYOFF ? payoff : HIGHEST_PAYOFF; }

/* Multiply the evidence of one bet; returns 1 if it has evidence, 2 if it reached the threshold. */
INLINE u32 bet(evidence_stream *s, i32 b, f32 payoff, f32 threshold, u16 step) {
    f32 had = s->evidence[b], has = (1.0f - STAKES[b]) + STAKES[b] * payoff;
    if (had > 1.0f) has = had * has;
    else s->begun[b] = step;
    if (!(has > 1.0f)) {
        s->evidence[b] = 0.0f;
        return 0;
    }
    s->evidence[b] = has < threshold ? has : threshold; /* no more, so that it falls after the failure */
    return has < threshold ? 1 : 3;
}

/* Payoff of a uniform outcome of modality m; 0 if a link feeds it: that is the output of another agent, and not tested. */
static f32 uniform_payoff(i32 i, i32 m, f32 odds) {
    return FED && linked[instances[i].first_modality + m] ? 0.0f : uniform_scale[agent_modality[instances[i].agent] + m] * odds;
}

/* Test one stream: modality m, or m and every SLOTS-th one after it, whose payoffs are averaged. */
static void test_stream(i32 copy_, i32 i, i32 m, const i32 *o) {
    i32 a = instances[i].agent, first = agent_modality[a], count_ = 1, worst = m;
    monitor_head *head = &monitors[copy_].heads[i];
    evidence_stream *s = monitors[copy_].streams + first_stream[i] + m;
    f32 odds = inverse_predicted[first + m](o), uniform = uniform_payoff(i, m, odds), repeat = 0.0f;
    if (s->last == (u16)o[m] && uniform > 0.0f) repeat = limited(repeat_scale[first + m] * odds);
    u32 bit = 1u << m;
    if (MAX_MODALITIES <= SLOTS && uniform <= 1.0f && repeat <= 1.0f && !(head->betting & bit) && !*agent_of(i)->to_bounds)
        return;
    f32 most = uniform = limited(uniform);
    for (i32 k = m + SLOTS; MAX_MODALITIES > SLOTS && k < agent_of(i)->modalities; k += SLOTS) {
        f32 payoff = limited(uniform_payoff(i, k, inverse_predicted[first + k](o)));
        if (payoff > most) most = payoff, worst = k;
        uniform += payoff, count_++;
    }
    if (count_ > 1) uniform = uniform / (f32)count_;
    f32 threshold = thresholds[a];
    u16 step = (u16)head->steps;
    u32 high = bet(s, UNIFORM_HIGH, uniform, threshold, step), low = bet(s, UNIFORM_LOW, uniform, threshold, step);
    u32 repeated = bet(s, REPEAT, repeat, threshold, step);
    head->betting = (u16)(high | low | repeated ? head->betting | bit : head->betting & ~bit);
    if ((high | low | repeated) < 2 || head->modality) return;
    i32 b = high > 1 ? UNIFORM_HIGH : low > 1 ? UNIFORM_LOW : REPEAT;
    raise_alarm(i, copy_, b == REPEAT ? m : worst, (u16)(step - s->begun[b]));
}

/* Test the observations of one step of instance i: after `step`, before `advance`. While no stream has evidence they take
   turns, so a nominal step costs one prediction. The first step after a reset is only remembered, because it shows where the
   world begins. */
static void watch(i32 copy_, i32 i, const i32 *o, i32 is_first) {
    i32 n = agent_of(i)->modalities, streams_ = n < SLOTS ? n : SLOTS;
    monitor_head *head = &monitors[copy_].heads[i];
    evidence_stream *s = monitors[copy_].streams + first_stream[i];
    head->steps++;
    if (is_first) {
    } else if (head->betting || *agent_of(i)->to_bounds)
        for (i32 m = 0; m < streams_; m++) test_stream(copy_, i, m, o);
    else {
        head->turn = (u16)(head->turn + 1 < streams_ ? head->turn + 1 : 0);
        test_stream(copy_, i, head->turn, o);
    }
    for (i32 m = 0; m < streams_; m++) s[m].last = (u16)o[m];
}

/* Start the tests of an instance over; its health is ok again. */
static void acknowledge(i32 copy_, i32 i) {
    i32 n = agent_of(i)->modalities;
    monitors[copy_].heads[i].modality = monitors[copy_].heads[i].betting = 0;
    memset(monitors[copy_].streams + first_stream[i], 0, (n < SLOTS ? (u32)n : SLOTS) * sizeof(evidence_stream));
}

static i32 is_degraded(void) {
    for (i32 c = 0; c < COPIES; c++)
        for (i32 i = 0; i < INSTANCES; i++)
            if (monitors[c].heads[i].modality) return 1;
    return 0;
}

/* The health of a program with degraded agents; it names the first eight of them. */
static void put_degraded(void) {
    enum { SHOWN_AGENTS = 8 };
    i32 shown = 0;
    put("{\"health\":\"degraded\",\"agents\":[");
    for (i32 c = 0; c < COPIES; c++)
        for (i32 i = 0; i < INSTANCES; i++) {
            const monitor_head *head = &monitors[c].heads[i];
            if (!head->modality || shown++ >= SHOWN_AGENTS) continue;
            put(shown > 1 ? ",{\"agent\":\"" : "{\"agent\":\""), put(instances[i].name), put("\"");
            if (COPIES > 1) put(",\"copy\":"), put_int(c);
            put(",\"modality\":"), put_int(head->modality - 1);
            put(",\"name\":\""), put_modality(i, head->modality - 1);
            put("\",\"since\":"), put_u64(head->since), put(",\"steps\":"), put_u64(head->steps), put("}");
        }
    put("],\"degraded\":"), put_int(shown), put("}\n");
}

/* Largest evidence of a stream as a share of the threshold. */
static f32 evidence_share(i32 c, i32 i, i32 slot) {
    const evidence_stream *s = monitors[c].streams + first_stream[i] + slot;
    f32 most = 0.0f;
    for (i32 b = 0; b < BETS; b++)
        if (s->evidence[b] > most) most = s->evidence[b];
    return most / thresholds[instances[i].agent];
}

/* Names of a forged file index tables, so they are checked. */
static i32 monitor_is_possible(const monitor *w) {
    for (i32 i = 0; i < INSTANCES; i++)
        if (w->heads[i].modality > agent_of(i)->modalities) return 0;
    return 1;
}
