/* The project that `strata init` writes: five tables over three layers and three days of tiny RAW files. */
#ifndef STRATA_CLI_SAMPLE_H
#define STRATA_CLI_SAMPLE_H

struct sample_file {
	const char *path; /* relative to the project; NULL ends the list */
	const char *text;
};

extern const struct sample_file sample_files[];

/* The days that the RAW files cover. */
#define SAMPLE_START "2024-01-01"
#define SAMPLE_END "2024-01-03"

#endif
