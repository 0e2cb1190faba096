/* See term.h. */
#include "ui-tui/term.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* The wide-character half of curses; its macros of common names (clear, move, timeout) stay out. */
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#include "base/mem.h"
#include "base/str.h"
#include "ui-tui/hurry.h"

enum { RESTORE_MAX = 512 };

/* What a program can die of by a bug of its own. */
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { CRASHES = sizeof crashes / sizeof *crashes };

static struct {
	SCREEN *screen;
	bool open, utf8, mono, away;
	enum theme theme;
	struct canvas shown;  /* what is on the screen */
	bool stale;           /* nothing of `shown` counts */
	struct termios before;
	struct sigaction dies[CRASHES]; /* what the signal did before */
	char restore[RESTORE_MAX];      /* what makes the terminal the shell's again */
	size_t nrestore;
	attr_t attrs[LOOKS_END];
	short pairs[LOOKS_END];
} term;

static void set_looks(void)
{
	for (int s = 0; s < LOOKS_END; s++) {
		struct colors look = theme_look(term.mono ? THEME_MONO : term.theme, (enum look)s);
		term.attrs[s] = (look.bold ? A_BOLD : 0) | (look.reverse ? A_REVERSE : 0);
		term.pairs[s] = 0;
		if (look.fg < 0 && look.bg < 0)
			continue;
		/* Of 8 colours the bright ones are the others in bold. */
		short fg = look.fg;
		if (fg >= COLORS) {
			fg = (short)(fg - 8);
			term.attrs[s] |= fg == 0 ? A_DIM : A_BOLD;
			fg = fg == 0 ? -1 : fg;
		}
		term.pairs[s] = (short)(s + 1);
		init_pair(term.pairs[s], fg, look.bg);
	}
	term.stale = true;
}

void term_theme(enum theme theme)
{
	term.theme = theme;
	set_looks();
}

bool term_is_mono(void)
{
	return term.mono;
}

int term_width(void)
{
	return COLS;
}

int term_height(void)
{
	return LINES;
}

/* The kind of terminal is known, and can be drawn on anywhere. */
static int check_kind(struct err *err)
{
	const char *name = getenv("TERM");
	int found;
	if (setupterm(NULL, STDOUT_FILENO, &found) != OK)
		return err_set(err, ERR_USAGE, "the terminal '%s' is not known here; set TERM, or use '--plain'", name ? name : "");
	bool can_move = cursor_address != NULL;
	del_curterm(cur_term);
	return can_move ? 0 : err_set(err, ERR_USAGE, "the terminal '%s' cannot be drawn on: it only takes line after line; use '--plain'", name);
}

static void restore_modes(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
}

/* --- a crash leaves the terminal as it was --- */

static int put_restore(int c)
{
	if (term.nrestore < RESTORE_MAX)
		term.restore[term.nrestore++] = (char)c;
	return c;
}

/* Only what may be called in a signal's handler. It is raised again for whom it was for before: the system, or a sanitizer. */
static void on_crash(int signum)
{
	for (size_t i = 0; i < CRASHES; i++)
		sigaction(crashes[i], &term.dies[i], NULL);
	if (!term.away) {
		ssize_t n = write(STDOUT_FILENO, term.restore, term.nrestore);
		(void)n;
		restore_modes();
	}
	raise(signum);
}

static void mind_crashes(void)
{
	static const char mouse_off[] = "\033[?1000l\033[?1006l";
	const char *const strings[] = {exit_attribute_mode, keypad_local, cursor_normal, exit_ca_mode};
	term.nrestore = 0;
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		if (strings[i])
			tputs(strings[i], 1, put_restore);
	}
	for (const char *c = mouse_off; key_mouse && *c; c++)
		put_restore(*c);
	for (size_t i = 0; i < CRASHES; i++)
		sigaction(crashes[i], &(struct sigaction){.sa_handler = on_crash}, &term.dies[i]);
}

static void forget_crashes(void)
{
	for (size_t i = 0; i < CRASHES; i++)
		sigaction(crashes[i], &term.dies[i], NULL);
}

int term_open(const struct term_options *options, struct err *err)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE, "standard input and output must be a terminal; '--plain' prints lines instead");
	setlocale(LC_CTYPE, "");
	int rc = check_kind(err);
	if (rc < 0)
		return rc;
	tcgetattr(STDIN_FILENO, &term.before);
	hurry_restores(restore_modes);
	term.screen = newterm(NULL, stdout, stdin);
	if (!term.screen)
		return err_set(err, ERR_USAGE, "the terminal cannot be used; use '--plain'");
	set_term(term.screen);
	term.utf8 = !options->ascii && str_eq(nl_langinfo(CODESET), "UTF-8");
	term.mono = options->mono || !has_colors();
	term.theme = options->theme;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	leaveok(stdscr, FALSE);
	curs_set(0);
	mouseinterval(0); /* a click is told when the button goes down, at once */
	mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	if (!term.mono) {
		start_color();
		use_default_colors();
	}
	set_looks();
	mind_crashes();
	term.open = true;
	return 0;
}

void term_close(void)
{
	if (!term.open)
		return;
	term.open = false;
	forget_crashes();
	if (!term.away)
		endwin();
	hurry_restores(NULL);
	hurry_over();
	delscreen(term.screen);
	canvas_free(&term.shown);
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	return a->len == b->len && a->style == b->style && a->marks == b->marks && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static void write_cell(const struct cell *c)
{
	attr_t attrs = term.attrs[c->style];
	if (c->marks & MARK_CURSOR)
		attrs ^= A_REVERSE;
	if (c->marks & MARK_UNDERLINE)
		attrs |= A_UNDERLINE;
	attr_set(attrs, term.pairs[c->style], NULL);
	if (c->len == 1 || term.utf8) {
		addnstr(c->bytes, c->len);
		return;
	}
	const char *ascii = theme_ascii(c->bytes, c->len);
	addstr(ascii ? ascii : "?");
}

/* A wide character is two cells; where only '?' stands for it, the second one is blank. */
static void show_row(const struct canvas *c, int y)
{
	for (int x = 0; x < c->width; x++) {
		const struct cell *cell = &c->cells[y * c->width + x], *old = &term.shown.cells[y * c->width + x];
		bool wide = x + 1 < c->width && cell[1].len == 0;
		if (cell->len == 0 || (!term.stale && same_cell(cell, old) && (!wide || same_cell(cell + 1, old + 1))))
			continue;
		move(y, x);
		write_cell(cell);
		if (wide && !term.utf8)
			addstr(" ");
	}
}

void term_show(const struct canvas *c, const int cursor[2])
{
	if (term.away)
		return;
	if (c->width != term.shown.width || c->height != term.shown.height) {
		canvas_resize(&term.shown, c->width, c->height);
		term.stale = true;
	}
	if (term.stale)
		erase();
	for (int y = 0; y < c->height; y++)
		show_row(c, y);
	memcpy(term.shown.cells, c->cells, (size_t)c->width * (size_t)c->height * sizeof *c->cells);
	term.stale = false;
	curs_set(cursor ? 1 : 0);
	if (cursor)
		move(cursor[1], cursor[0]);
	refresh();
}

void term_redraw(void)
{
	clearok(curscr, TRUE);
	term.stale = true;
}

void term_resized(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	term.stale = true;
}

static int mouse_key(struct term_mouse *ret)
{
	MEVENT event;
	if (getmouse(&event) != OK)
		return TERM_RESIZE; /* of no meaning: the screen is drawn once more */
	*ret = (struct term_mouse){.x = event.x, .y = event.y};
	ret->press = event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED);
	ret->wheel = event.bstate & BUTTON4_PRESSED ? -1 : event.bstate & BUTTON5_PRESSED ? 1 : 0;
	return TERM_MOUSE;
}

static int function_key(wint_t key, struct term_mouse *ret_mouse)
{
	static const struct {
		wint_t curses;
		int ours;
	} keys[] = {{KEY_UP, TERM_UP}, {KEY_DOWN, TERM_DOWN}, {KEY_LEFT, TERM_LEFT}, {KEY_RIGHT, TERM_RIGHT}, {KEY_PPAGE, TERM_PAGE_UP},
	            {KEY_NPAGE, TERM_PAGE_DOWN}, {KEY_HOME, TERM_HOME}, {KEY_END, TERM_END}, {KEY_DC, TERM_DELETE},
	            {KEY_BACKSPACE, TERM_BACKSPACE}, {KEY_ENTER, TERM_ENTER}, {KEY_BTAB, TERM_BACK_TAB}, {KEY_RESIZE, TERM_RESIZE}};
	if (key == KEY_MOUSE)
		return mouse_key(ret_mouse);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (keys[i].curses == key)
			return keys[i].ours;
	}
	return TERM_RESIZE;
}

int term_key(struct term_mouse *ret_mouse)
{
	wint_t key = 0;
	int rc = get_wch(&key);
	if (rc == ERR)
		return TERM_NONE;
	if (rc == KEY_CODE_YES)
		return function_key(key, ret_mouse);
	return key == 127 || key == 8 ? TERM_BACKSPACE : key == '\n' ? TERM_ENTER : (int)key;
}

void term_leave(void)
{
	if (term.away)
		return;
	def_prog_mode();
	endwin();
	term.away = true;
}

void term_return(void)
{
	if (!term.away)
		return;
	term.away = false;
	reset_prog_mode();
	term_resized();
	term_redraw();
	refresh();
}

void term_copy(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)text;
	size_t left = strlen(text);
	fputs("\033]52;c;", stdout);
	for (; left > 0; p += 3, left = left > 3 ? left - 3 : 0) {
		unsigned bits = (unsigned)p[0] << 16 | (left > 1 ? (unsigned)p[1] << 8 : 0) | (left > 2 ? (unsigned)p[2] : 0);
		putchar(digits[bits >> 18 & 63]);
		putchar(digits[bits >> 12 & 63]);
		putchar(left > 1 ? digits[bits >> 6 & 63] : '=');
		putchar(left > 2 ? digits[bits & 63] : '=');
	}
	putchar('\a');
	fflush(stdout);
}
