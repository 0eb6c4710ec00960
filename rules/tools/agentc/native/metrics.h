/* Metrics of GET /metrics in the text format of Prometheus. */
static const struct { const char *bound; u64 nanoseconds; } BUCKETS[] = {
    {"1e-06", 1000}, {"2.5e-06", 2500}, {"5e-06", 5000}, {"1e-05", 10000}, {"2.5e-05", 25000}, {"5e-05", 50000},
    {"0.0001", 100000}, {"0.00025", 250000}, {"0.0005", 500000}, {"0.001", 1000000}, {"0.0025", 2500000},
    {"0.005", 5000000}, {"0.01", 10000000}, {"0.025", 25000000}, {"0.05", 50000000}, {"0.1", 100000000},
    {"0.25", 250000000}, {"0.5", 500000000}, {"1", 1000000000}};
enum { BUCKET_COUNT = sizeof BUCKETS / sizeof BUCKETS[0] };
static u64 durations[BUCKET_COUNT + 1], duration_sum;

static void observe_step(u64 took) {
    i32 k = 0;
    while (k < BUCKET_COUNT && took > BUCKETS[k].nanoseconds) k++;
    durations[k]++;
    duration_sum += took;
}

static void put_title(const char *name, const char *kind, const char *help) {
    put("# HELP "), put(name), put(" "), put(help), put("\n# TYPE "), put(name), put(" "), put(kind), put("\n");
}

static void put_counter(const char *name, u64 value, const char *help) {
    put_title(name, "counter", help);
    put(name), put(" "), put_u64(value), put("\n");
}

/* Nanoseconds as seconds, without 64-bit division. */
static void put_seconds(u64 value) {
    u64 whole = 0;
    for (u64 unit = 1000000000ull << 30; unit >= 1000000000u; unit >>= 1) {
        whole <<= 1;
        if (value >= unit) value -= unit, whole++;
    }
    put_u64(whole), put(".");
    for (u32 part = 100000000; part > 1 && value < part; part /= 10) put("0");
    put_u64(value), put("\n");
}

static void put_durations(void) {
    u64 below = 0;
    put_title("coalition_step_seconds", "histogram", "Time that the agents took for one step.");
    for (i32 k = 0; k <= BUCKET_COUNT; k++) {
        below += durations[k];
        put("coalition_step_seconds_bucket{le=\""), put(k < BUCKET_COUNT ? BUCKETS[k].bound : "+Inf"), put("\"} ");
        put_u64(below), put("\n");
    }
    put("coalition_step_seconds_sum "), put_seconds(duration_sum);
    put("coalition_step_seconds_count "), put_u64(below), put("\n");
}

/* One line for each instance that has stepped since the program started. */
static void put_energies(const char *name, f32 values[COPIES][INSTANCES], const char *help) {
    put_title(name, "gauge", help);
    for (i32 c = 0; c < COPIES; c++)
        for (i32 i = 0; i < INSTANCES; i++) {
            f32 value = values[c][i];
            if (!stepped[c] || !coalitions[c].started[i]) continue;
            put(name), put("{agent=\""), put(instances[i].name);
            if (COPIES > 1) put("\",copy=\""), put_int(c);
            put("\"} ");
            if (value - value == 0.0f) put_f32(value);
            else put(value > 0.0f ? "+Inf" : value < 0.0f ? "-Inf" : "NaN");
            put("\n");
        }
}

#if MONITOR
/* Begin the line of an agent that has stepped; 0 if it has not. */
static i32 put_agent(const char *name, i32 c, i32 i, i32 slot) {
    if (!monitors[c].heads[i].steps) return 0;
    put(name), put("{agent=\""), put(instances[i].name);
    if (COPIES > 1) put("\",copy=\""), put_int(c);
    if (slot >= 0) put("\",modality=\""), put_modality(i, slot);
    put("\"} ");
    return 1;
}

/* A gauge or counter by agent: whether it is degraded, since when, or how often it was. */
static void put_heads(const char *name, const char *kind, const char *help) {
    put_title(name, kind, help);
    for (i32 c = 0; c < COPIES; c++)
        for (i32 i = 0; i < INSTANCES; i++)
            if (put_agent(name, c, i, -1)) put_int(kind[0] == 'c' ? (i32)monitors[c].heads[i].alarms : monitors[c].heads[i].modality != 0), put("\n");
}

static void put_surprise_evidence(void) {
    static const char name[] = "coalition_surprise_evidence_ratio";
    put_title(name, "gauge", "Evidence that a modality's observations do not follow the model, as a share of what raises an alarm.");
    for (i32 c = 0; c < COPIES; c++)
        for (i32 i = 0; i < INSTANCES; i++)
            for (i32 s = 0; s < SLOTS && s < agent_of(i)->modalities; s++)
                if (put_agent(name, c, i, s)) put_f32(evidence_share(c, i, s)), put("\n");
}
#endif

static void put_metrics(void) {
    put_counter("coalition_steps_total", count.steps, "Steps, those before the state was restored included.");
    put_counter("coalition_errors_total", count.errors, "Requests that were refused.");
    put_counter("coalition_late_steps_total", count.late, "Steps that ended after their deadline.");
    put_counter("coalition_state_writes_total", count.stored, "States that are on the disk.");
    put_counter("coalition_state_write_errors_total", count.not_stored, "States that could not be written.");
    put_counter("coalition_answers_lost_total", count.lost, "Answers that their client did not take.");
    put_energies("coalition_variational_free_energy_nats", vfe, "Variational free energy of the last step.");
    put_energies("coalition_expected_free_energy_nats", efe, "Expected free energy of the chosen policy.");
#if MONITOR
    put_heads("coalition_degraded", "gauge", "1 from the alarm of an agent until it is acknowledged.");
    put_heads("coalition_alarms_total", "counter", "Alarms of the monitor, those before the state was restored included.");
    put_surprise_evidence();
#endif
    put_durations();
}
