/* See theme.h. */
#include "ui-tui/theme.h"

#include <string.h>

#include "base/str.h"
#include "core/states.h"

static const char *const theme_names[] = {"dark", "light", "mono"};

const char *theme_name(enum theme theme)
{
	return theme_names[theme];
}

enum theme theme_find(const char *name)
{
	int t = 0;
	while (t < THEMES_END && !str_eq(theme_names[t], name))
		t++;
	return (enum theme)t;
}

struct colors theme_look(enum theme theme, enum look style)
{
	static const struct {
		short dark_fg, dark_bg, light_fg, light_bg;
		bool bold, reverse;
	} styles[] = {
#define X(name, dark_fg, dark_bg, light_fg, light_bg, bold, reverse) {dark_fg, dark_bg, light_fg, light_bg, bold, reverse},
		LOOKS(X)
#undef X
	};
	if (theme == THEME_MONO)
		return (struct colors){-1, -1, styles[style].bold, styles[style].reverse};
	if (theme == THEME_LIGHT)
		return (struct colors){styles[style].light_fg, styles[style].light_bg, styles[style].bold, false};
	return (struct colors){styles[style].dark_fg, styles[style].dark_bg, styles[style].bold, false};
}

const char *theme_ascii(const char *bytes, size_t n)
{
	static const struct {
		const char *utf8, *ascii;
	} glyphs[] = {{"…", "~"}, {"─", "-"}, {"│", "|"}, {"┌", "+"}, {"┐", "+"}, {"└", "+"}, {"┘", "+"}, {"├", "+"}, {"┤", "+"},
	              {"┬", "+"}, {"┴", "+"}, {"┼", "+"}, {"━", "="}, {"█", "#"}, {"▓", "#"}, {"░", "."}, {"▏", "|"}, {"▎", "|"},
	              {"▍", "|"}, {"▌", "|"}, {"▋", "#"}, {"▊", "#"}, {"▉", "#"}, {"▁", "_"}, {"▂", "_"}, {"▃", "."}, {"▄", "-"},
	              {"▅", "-"}, {"▆", "="}, {"▇", "#"}, {"›", ">"}, {"▶", ">"}, {"◀", "<"}, {"▲", "^"}, {"▼", "v"}, {"▸", ">"},
	              {"▾", "v"}, {"→", ">"}, {"←", "<"}, {"·", "."}, {"✓", "+"}, {"✗", "x"}, {"●", "*"}, {"○", "o"}};
	for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++) {
		if (strlen(glyphs[i].utf8) == n && memcmp(glyphs[i].utf8, bytes, n) == 0)
			return glyphs[i].ascii;
	}
	return NULL;
}

/* The first whose words all fit; NULL fits any. */
struct rule {
	const char *state, *result, *wait;
	struct sign sign;
};

static const struct rule task_rules[] = {
	{"done", "success", NULL, {'S', LOOK_GOOD, "success"}},
	{"done", "empty", NULL, {'E', LOOK_GOOD, "empty"}},
	{"done", "fresh", NULL, {'=', LOOK_FRESH, "fresh"}},
	{"done", "failed", NULL, {'F', LOOK_BAD, "failed"}},
	{"done", "timeout", NULL, {'T', LOOK_BAD, "timeout"}},
	{"done", "upstream_failed", NULL, {'U', LOOK_WARN, "upstream failed"}},
	{"done", "canceled", NULL, {'C', LOOK_WARN, "canceled"}},
	{"done", "skipped", NULL, {'K', LOOK_DIM, "skipped"}},
	{"running", NULL, NULL, {'R', LOOK_RUNNING, "running"}},
	{"ready", NULL, NULL, {'Q', LOOK_READY, "ready"}},
	{"waiting", NULL, "retry", {'r', LOOK_WARN, "waits for its retry"}},
	{"waiting", NULL, "source", {'s', LOOK_WARN, "waits for its source"}},
	{"waiting", NULL, "paused", {'p', LOOK_WARN, "paused"}},
	{"waiting", NULL, NULL, {'.', LOOK_WAITING, "waiting"}},
	{NULL, NULL, NULL, {'?', LOOK_BAD, "unknown"}},
};

static const struct rule run_rules[] = {
	{"done", "success", NULL, {'S', LOOK_GOOD, "success"}},
	{"done", "failed", NULL, {'F', LOOK_BAD, "failed"}},
	{"done", "canceled", NULL, {'C', LOOK_WARN, "canceled"}},
	{"running", NULL, NULL, {'R', LOOK_RUNNING, "running"}},
	{"planned", NULL, NULL, {'.', LOOK_WAITING, "planned"}},
	{NULL, NULL, NULL, {'?', LOOK_BAD, "unknown"}},
};

static const struct sign *find(const struct rule *rules, const char *state, const char *result, const char *wait)
{
	const struct rule *r = rules;
	while ((r->state && !str_eq(r->state, state)) || (r->result && !str_eq(r->result, result)) || (r->wait && !str_eq(r->wait, wait)))
		r++;
	return &r->sign;
}

const struct sign *sign_of_task(const char *state, const char *result, const char *wait)
{
	return find(task_rules, state, result, wait);
}

const struct sign *sign_of_run(const char *state, const char *result, bool paused)
{
	static const struct sign held = {'p', LOOK_WARN, "paused"};
	return paused && !str_eq(state, run_state_name(RUN_DONE)) ? &held : find(run_rules, state, result, NULL);
}

const struct sign *sign_nth(size_t i)
{
	return i < sizeof task_rules / sizeof *task_rules - 1 ? &task_rules[i].sign : NULL;
}
