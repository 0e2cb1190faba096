/* C++'s operator new and delete, for the whole of strata-worker, from the jemalloc that comes inside libduckdb.
 *
 * Planning a query is some thousand small allocations: with glibc's malloc they were 40 % of the instructions of
 * a small try, with this one 20 %. malloc itself stays as it is. Invariant: who allocates by one of these frees by
 * one of these, also in libstdc++, which takes the program's operators.
 *
 * Not in builds with sanitizers, which bring their own, nor with a libduckdb without jemalloc (Makefile). The
 * names are those of the C++ ABI. */
#include <stddef.h>

void *duckdb_je_malloc(size_t n);
void duckdb_je_free(void *p);
_Noreturn void _ZSt17__throw_bad_allocv(void); /* std::__throw_bad_alloc() */

void *_Znwm(size_t n);
void *_Znam(size_t n);
void _ZdlPv(void *p);
void _ZdaPv(void *p);
void _ZdlPvm(void *p, size_t n);
void _ZdaPvm(void *p, size_t n);

void *_Znwm(size_t n)
{
	void *p = duckdb_je_malloc(n ? n : 1);
	if (!p)
		_ZSt17__throw_bad_allocv();
	return p;
}

void *_Znam(size_t n)
{
	return _Znwm(n);
}

void _ZdlPv(void *p)
{
	if (p)
		duckdb_je_free(p);
}

void _ZdaPv(void *p)
{
	_ZdlPv(p);
}

void _ZdlPvm(void *p, size_t n)
{
	(void)n;
	_ZdlPv(p);
}

void _ZdaPvm(void *p, size_t n)
{
	(void)n;
	_ZdlPv(p);
}
