/* SQL taken apart into tokens, changed and put together again: a change that means nothing (comments, layout,
 * case of keywords), or one that may mean anything. The same seed gives the same changes. */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "core/sqltext.h"

/* A count or a seed from the environment; `fallback` when it is not set. */
static inline int64_t from_environment(const char *name, int64_t fallback)
{
	const char *text = getenv(name);
	return text ? strtoll(text, NULL, 10) : fallback;
}

static uint64_t dice;

static inline unsigned throw(unsigned n)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice >> 33) % n;
}

enum token_kind { TOKEN_WORD, TOKEN_NUMBER, TOKEN_STRING, TOKEN_OPERATOR, TOKEN_MARK, TOKEN_KINDS };

struct token {
	enum token_kind kind;
	const char *text;
	size_t n;
	bool blank; /* white space or a comment stood before it */
};

enum { TOKENS_MAX = 512 };
struct tokens {
	struct token at[TOKENS_MAX];
	size_t n;
};

static inline bool is_operator(char c)
{
	return memchr("+-*/<>=~!@%^&|:?#", c, 17) != NULL;
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The end of a number that begins at `at`: 1, 1.5, .5, 1e-3, 0x1f, 1_000. */
static inline size_t number_end(const char *text, size_t n, size_t at)
{
	size_t end = at;
	while (end < n && (is_digit(text[end]) || text[end] == '.' || text[end] == '_' || (text[end] | 32) == 'e' ||
	                   (text[end] | 32) == 'x' ||
	                   ((text[end] == '-' || text[end] == '+') && end > at && (text[end - 1] | 32) == 'e' && end + 1 < n &&
	                    is_digit(text[end + 1]))))
		end++;
	return end;
}

/* The end of a string that sql_part_end does not know: x'41', and $$$$…$$$$, which a template writes as $$…$$. */
static inline size_t special_string_end(const char *text, size_t n, size_t at)
{
	if ((text[at] | 32) == 'x' && text[at + 1] == '\'') {
		enum sql_part part;
		return sql_part_end(text, n, at + 1, &part);
	}
	if (strncmp(text + at, "$$$$", 4) != 0)
		return 0;
	const char *close = strstr(text + at + 4, "$$$$");
	return close ? (size_t)(close - text) + 4 : n;
}

static inline void tokenize(const char *text, struct tokens *ret)
{
	size_t n = strlen(text);
	bool blank = false;
	ret->n = 0;
	for (size_t at = 0, end; at < n && ret->n < TOKENS_MAX; at = end) {
		enum sql_part part;
		end = sql_part_end(text, n, at, &part);
		if (part == SQL_BLANK || part == SQL_COMMENT) {
			blank = true;
			continue;
		}
		enum token_kind kind = part == SQL_STRING ? TOKEN_STRING : TOKEN_WORD;
		size_t string_end = special_string_end(text, n, at);
		if (string_end) {
			kind = TOKEN_STRING;
			end = string_end;
		} else if (is_digit(text[at]) || (text[at] == '.' && at + 1 < n && is_digit(text[at + 1]))) {
			kind = TOKEN_NUMBER;
			end = number_end(text, n, at);
		} else if (part == SQL_CODE && is_operator(text[at])) {
			kind = TOKEN_OPERATOR;
			while (end < n && is_operator(text[end]) && !(text[end] == '-' && text[end - 1] != '-'))
				end++;
		} else if (part == SQL_CODE && memchr("(){}[].,;", text[at], 9)) {
			kind = TOKEN_MARK;
		}
		ret->at[ret->n++] = (struct token){kind, text + at, end - at, blank};
		blank = false;
	}
}

/* Layouts: as it was, or every blank by chance one of these. A line comment needs its newline. */
static const char *const blanks[] = {" ", "\n", "\t", "  \n  ", " /* why */ ", " -- because\n", "/**/", "\r\n", "/* a /* b */ ; */ ",
                                     " --\n"};

enum layout { LAYOUT_SAME, LAYOUT_PLAIN, LAYOUT_BLANKS, LAYOUT_COMMENTS };

static inline char *assemble(struct arena *arena, const struct tokens *t, enum layout layout)
{
	struct buf out = BUF_INIT(1 << 20);
	for (size_t i = 0; i < t->n; i++) {
		const struct token *k = &t->at[i];
		/* Between two words nothing but a blank keeps them apart; elsewhere one may stand by chance. */
		bool needed = k->blank || (layout == LAYOUT_PLAIN && i > 0);
		if (layout == LAYOUT_SAME || layout == LAYOUT_PLAIN)
			buf_adds(&out, needed && i > 0 ? " " : "");
		else if ((needed && i > 0) || throw(6) == 0)
			buf_adds(&out, needed && throw(3) ? " " : blanks[layout == LAYOUT_BLANKS ? (throw(2) ? throw(4) : 7) : throw(10)]);
		buf_add(&out, k->text, k->n);
	}
	char *text = arena_strndup(arena, buf_cstr(&out), out.len);
	buf_free(&out);
	return text;
}

static inline bool token_is(const struct token *t, const char *word)
{
	return strlen(word) == t->n && strncasecmp(t->text, word, t->n) == 0;
}

/* The words that change places with one another: a group a line. */
static const char *const groups[][12] = {
	{"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "LIKE", "||"},
	{"+", "-", "*", "/", "//", "%", "||", "**", "&", "|", "<<", ">>"},
	{"AND", "OR", "= ", "<>", "AND NOT", "OR NOT"},
	{"LIKE", "ILIKE", "NOT LIKE", "SIMILAR TO", "GLOB", "~", "!~", "="},
	{"IN", "NOT IN", "= ANY", "<> ALL", "> ALL"},
	{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN", "CROSS JOIN", "NATURAL JOIN", "ASOF JOIN",
	 "ASOF LEFT JOIN", "POSITIONAL JOIN", "INNER JOIN"},
	{"LEFT", "RIGHT", "FULL", "INNER", "SEMI", "ANTI", "ASOF", "NATURAL", "LEFT OUTER", "FULL OUTER"},
	{"UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL", "UNION BY NAME", "UNION ALL BY NAME"},
	{"ALL", "DISTINCT", "BY NAME", "ALL BY NAME"},
	{"ASC", "DESC", "ASC NULLS FIRST", "DESC NULLS LAST", "NULLS FIRST", "NULLS LAST", "DESC NULLS FIRST", "ASC NULLS LAST"},
	{"FIRST", "LAST"},
	{"ROWS", "RANGE", "GROUPS"},
	{"PRECEDING", "FOLLOWING"},
	{"UNBOUNDED PRECEDING", "CURRENT ROW", "1 PRECEDING", "2 FOLLOWING", "UNBOUNDED FOLLOWING"},
	{"TIES", "CURRENT ROW", "GROUP", "NO OTHERS"},
	{"ROLLUP", "CUBE", "GROUPING SETS"},
	{"MATERIALIZED", "NOT MATERIALIZED"},
	{"IGNORE NULLS", "RESPECT NULLS"},
	{"EXISTS", "NOT EXISTS"},
	{"TRUE", "FALSE", "NULL"},
	{"CAST", "TRY_CAST"},
	{"INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "DECIMAL(9,2)", "DECIMAL(4,1)", "SMALLINT", "HUGEINT", "FLOAT", "DATE", "TIMESTAMP",
	 "BOOLEAN"},
	{"sum", "min", "max", "count", "avg", "any_value", "first", "last", "list", "string_agg", "median", "mode"},
	{"lag", "lead", "first_value", "last_value", "nth_value", "row_number", "rank", "dense_rank", "ntile", "cume_dist",
	 "percent_rank"},
	{"DAY", "MONTH", "YEAR", "HOUR", "WEEK", "DAYS", "MINUTE"},
	{"EXCLUDE", "REPLACE", "RENAME"},
	{"k", "v", "dt", "c", "l", "s", "n"},
	{"a", "b", "d", "e", "x", "y"},
	{"dwd", "dws", "dim"},
	{"USING", "ON"},
	{"WHERE", "HAVING", "QUALIFY"},
	{"LIMIT", "OFFSET"},
	{"BETWEEN", "NOT BETWEEN"},
	{"NOT", ""},
	{"DISTINCT", ""},
	{"RECURSIVE", ""},
	{"->", "->>", ":="},
	{"upper", "lower", "length", "reverse", "trim", "ascii"},
};
enum { GROUPS = sizeof groups / sizeof *groups };

static const char *const numbers[] = {"0", "1", "2", "3", "1.0", "1.00", "1e0", "1.5", "10e-1", "01", "1_0", "100", "-1", "2147483648",
                                      "NULL", "'1'", "true", "(1)", "+1", "1.", ".5", "0.50", "5e-1", "1::DOUBLE", "1::SMALLINT",
                                      "1::DECIMAL(3,1)", "1::VARCHAR", "$$$$1$$$$", "INTERVAL 1 DAY", "1%", "9223372036854775808", "1e20"};
static const char *const strings[] = {"''", "' '", "'x'", "'X'", "'x '", "E'x'", "E'\\x78'", "$$$$x$$$$", "'p'", "'q'", "'it''s'", "E'it\\'s'",
                                      "'2013-01-03'", "'2013-1-3'", "DATE '2013-01-03'", "TIMESTAMP '2013-01-03'", "'20130103'", "NULL",
                                      "'%'", "'_'", "1", "'x'::VARCHAR", "'x'::BLOB", "'\n'", "'a -- b'", "'/* c */'", "U&'x'", "x'78'",
                                      "'${PARTITION_DATE}'", "'${PARTITION_DATE-1}'", "'${PARTITION_DATE-2}'"};
static const char *const inserts[] = {
	" DISTINCT", " NOT", " ALL", " ASC", " DESC", " NULLS FIRST", " NULLS LAST", " FILTER (WHERE k > 1)", " IGNORE NULLS",
	" OVER ()", " OVER (ORDER BY k)", " OVER (PARTITION BY k)", " LIMIT 1", " LIMIT 2 OFFSET 1", " LIMIT 50%", " OFFSET 1",
	" ORDER BY 1", " ORDER BY ALL", " ORDER BY k DESC", " GROUP BY ALL", " COLLATE NOCASE", " COLLATE NOACCENT", " ::INTEGER",
	" ::VARCHAR", " ::DOUBLE", " IS NULL", " IS NOT NULL", " + 1", " - 1", " * 2", " || 'x'", " AS k", " AS K", " AS \"k k\"",
	" AND false", " OR true", " AND k = 1", " OR k = 1", " WHERE false", " WHERE k = 1", " HAVING k > 1", " QUALIFY row_number() OVER () = 1",
	" , 1", " , k", " , 'x' AS z", " EXCLUDE (k)", " REPLACE (k + 1 AS k)", " RENAME (k AS kk)", " -", " +", " ~", " (", " )",
	" USING SAMPLE 1", " TABLESAMPLE reservoir(2)", " ESCAPE 'x'", " AT TIME ZONE 'UTC'", " UNION SELECT 1", " WITH ORDINALITY",
	" EXCLUDE CURRENT ROW", " EXCLUDE TIES", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", " MATERIALIZED", " AS t(k, v)", " AS t(v, k)",
	" 'z':", " #1", " ORDER BY v", " ORDER BY k, v", " ORDER BY v DESC", " ::DATE", " ::TIMESTAMP", " [1]", " [1:2]", " .n", " .dt", " ->> 'n'",
	" LATERAL", " RESPECT NULLS", " INCLUDE NULLS", " DISTINCT ON (k)", " COLUMNS(*)", " SYMMETRIC", " WITHIN GROUP (ORDER BY k)",
};
#define COUNT(list) ((unsigned)(sizeof(list) / sizeof *(list)))

static inline struct token new_token(const char *text, enum token_kind kind)
{
	return (struct token){kind, text, strlen(text), true};
}

static inline void token_remove(struct tokens *t, size_t at, size_t n)
{
	memmove(&t->at[at], &t->at[at + n], (t->n - at - n) * sizeof *t->at);
	t->n -= n;
}

static inline void token_insert(struct tokens *t, size_t at, struct token k)
{
	if (t->n == TOKENS_MAX)
		return;
	memmove(&t->at[at + 1], &t->at[at], (t->n - at) * sizeof *t->at);
	t->at[at] = k;
	t->n++;
}

/* DuckDB 1.5.5 with one thread never ends an ASOF RIGHT or FULL JOIN, and hears no interrupt (executor/worker.h). */
static inline bool never_ends(const char *text)
{
	return strcasestr(text, "asof") && (strcasestr(text, "right") || strcasestr(text, "full"));
}

/* Another word of its groups; false when it is in none. */
static inline bool mutate_group(struct tokens *t, size_t at)
{
	unsigned found[GROUPS], n = 0;
	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned i = 0; i < 12 && groups[g][i]; i++)
			if (groups[g][i][0] && token_is(&t->at[at], groups[g][i])) {
				found[n++] = g;
				break;
			}
	if (n == 0)
		return false;
	const char *const *group = groups[found[throw(n)]];
	unsigned size = 0;
	while (size < 12 && group[size])
		size++;
	t->at[at] = new_token(group[throw(size)], TOKEN_WORD);
	return true;
}

/* The bracket that closes the one at `at`; `at` when there is none. */
static inline size_t closing(const struct tokens *t, size_t at)
{
	int depth = 0;
	for (size_t i = at; i < t->n; i++) {
		if (t->at[i].kind != TOKEN_MARK)
			continue;
		depth += strchr("([{", t->at[i].text[0]) != NULL;
		depth -= strchr(")]}", t->at[i].text[0]) != NULL;
		if (depth == 0)
			return i;
	}
	return at;
}

static inline size_t find_token(const struct tokens *t, const char *word)
{
	size_t first = throw((unsigned)t->n);
	for (size_t i = 0; i < t->n; i++)
		if (token_is(&t->at[(first + i) % t->n], word))
			return (first + i) % t->n;
	return t->n;
}

static inline void put_brackets(struct tokens *t, size_t from, size_t to)
{
	token_insert(t, to, new_token(")", TOKEN_MARK));
	token_insert(t, from, new_token("(", TOKEN_MARK));
}

static inline void swap_tokens(struct tokens *t, size_t a, size_t b)
{
	struct token k = t->at[a];
	t->at[a] = t->at[b];
	t->at[b] = k;
	t->at[a].blank = t->at[b].blank = true;
}

/* Another token of this kind from `other`. */
static inline void mutate_kind(struct tokens *t, size_t at, const struct tokens *other)
{
	size_t first = throw((unsigned)other->n);
	for (size_t i = 0; i < other->n; i++) {
		const struct token *k = &other->at[(first + i) % other->n];
		if (k->kind == t->at[at].kind) {
			t->at[at] = *k;
			t->at[at].blank = true;
			return;
		}
	}
}

/* One change that may mean anything. `other` gives tokens and brackets with what is in them. */
static inline void mutate_meaning(struct tokens *t, const struct tokens *other)
{
	size_t at = throw((unsigned)t->n), end;
	switch (throw(16)) {
	case 0:
		if (t->n > 2)
			token_remove(t, at, 1);
		break;
	case 1:
		mutate_kind(t, at, other);
		break;
	case 2:
		token_insert(t, at, new_token(inserts[throw(COUNT(inserts))], TOKEN_WORD));
		break;
	case 3:
		put_brackets(t, at, at + 1 + throw((unsigned)(t->n - at)));
		break;
	case 4: /* brackets go, what is in them stays */
		at = find_token(t, "(");
		if (at < t->n && (end = closing(t, at)) > at) {
			token_remove(t, end, 1);
			token_remove(t, at, 1);
		}
		break;
	case 5: /* what is in brackets goes for what is in others */
		at = find_token(t, "(");
		size_t from = find_token(other, "("), to = from < other->n ? closing(other, from) : from;
		if (at < t->n && (end = closing(t, at)) > at && to > from && from < other->n) {
			token_remove(t, at, end - at + 1);
			for (size_t i = from; i <= to; i++)
				token_insert(t, at + i - from, other->at[i]);
		}
		break;
	case 6:
		swap_tokens(t, at, throw((unsigned)t->n));
		break;
	case 7:
		if (at + 2 < t->n)
			swap_tokens(t, at, at + 2); /* both sides of an operator */
		break;
	default:
		if (t->at[at].kind == TOKEN_NUMBER)
			t->at[at] = new_token(numbers[throw(COUNT(numbers))], TOKEN_NUMBER);
		else if (t->at[at].kind == TOKEN_STRING)
			t->at[at] = new_token(strings[throw(COUNT(strings))], TOKEN_STRING);
		else if (!mutate_group(t, at) && throw(2) == 0)
			token_insert(t, at, new_token(inserts[throw(COUNT(inserts))], TOKEN_WORD));
		break;
	}
}

#endif
