/* Variables that workers share (workers.h) are in one mapping; every other variable of a worker is
   its own copy. Before agent_state.h. */
#define SHARED(type, name, size) static type(*shared_##name) size
#define coalitions (*shared_coalitions)
#define observation (*shared_observation)
#define delayed_values (*shared_delayed_values)
#define vfe (*shared_vfe)
#define efe (*shared_efe)
#define monitors (*shared_monitors)
#define alarmed (*shared_alarmed)
