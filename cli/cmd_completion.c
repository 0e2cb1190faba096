/* strata completion SHELL: a script for the shell, which asks 'strata complete' at each press of the key. */
#include <stdio.h>

#include "base/str.h"
#include "cli/commands.h"

/* readline breaks words at ':', '=' and '@', too; they are put together again by where the line has blanks, and of an answer
 * only what stands in place of readline's own word, $2, is given back. */
static const char bash[] =
	"# strata: completion for bash. Load it now: source <(strata completion bash)\n"
	"_strata() {\n"
	"\tlocal program=${1/#\\~/$HOME} rest=${COMP_LINE:0:COMP_POINT} i word line cur typed answers\n"
	"\tlocal -a words=()\n"
	"\tfor ((i = 0; i <= COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $rest == [[:space:]]* ]] || ((i == 0)); then\n"
	"\t\t\trest=${rest#\"${rest%%[![:space:]]*}\"}\n"
	"\t\t\twords+=(\"\")\n"
	"\t\tfi\n"
	"\t\t[[ $rest == \"$word\"* ]] || word=$rest\n"
	"\t\trest=${rest#\"$word\"}\n"
	"\t\twords[${#words[@]}-1]+=$word\n"
	"\tdone\n"
	"\ttyped=${words[${#words[@]}-1]}\n"
	"\tcur=$2\n"
	"\tCOMPREPLY=()\n"
	"\tanswers=$(\"$program\" complete -- \"${words[@]:1}\" 2>/dev/null)\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t'') ;;\n"
	"\t\t:folders) compopt -o filenames; while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -d -- \"$cur\") ;;\n"
	"\t\t:files) compopt -o filenames; while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -f -- \"$cur\") ;;\n"
	"\t\t*) word=${line%%$'\\t'*}; COMPREPLY+=(\"${word#\"${typed%\"$cur\"}\"}\") ;;\n"
	"\t\tesac\n"
	"\tdone <<<\"$answers\"\n"
	"}\n"
	"complete -F _strata strata\n";

static const char zsh[] =
	"#compdef strata\n"
	"# strata: completion for zsh. Load it now: source <(strata completion zsh)\n"
	"_strata() {\n"
	"\tlocal line word\n"
	"\tlocal -a answers found\n"
	"\tanswers=(\"${(@f)$(\"${(Q)words[1]/#\\~/$HOME}\" complete -- \"${(@Q)words[2,CURRENT-1]}\" \"${(Q)PREFIX}\" 2>/dev/null)}\")\n"
	"\tfor line in \"${answers[@]}\"; do\n"
	"\t\tcase $line in\n"
	"\t\t'') ;;\n"
	"\t\t:folders) [[ $PREFIX == --*=* ]] && compset -P '*='; _files -/; return ;;\n"
	"\t\t:files) [[ $PREFIX == --*=* ]] && compset -P '*='; _files; return ;;\n"
	"\t\t*) word=${line%%$'\\t'*}; found+=(\"${word//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t_describe -t strata strata found\n"
	"}\n"
	"if [[ ${funcstack[1]} == _strata ]]; then\n"
	"\t_strata \"$@\"\n"
	"else\n"
	"\tcompdef _strata strata\n"
	"fi\n";

static const char fish[] =
	"# strata: completion for fish. Load it now: strata completion fish | source\n"
	"function __strata_complete\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l current (commandline -ct)\n"
	"\tset -l answers ($words[1] complete -- $words[2..-1] \"$current\" 2>/dev/null)\n"
	"\tswitch \"$answers[1]\"\n"
	"\tcase ':folders'\n"
	"\t\t__fish_complete_directories (string replace -r -- '^--[a-z-]+=' '' \"$current\")\n"
	"\tcase ':files'\n"
	"\t\t__fish_complete_path (string replace -r -- '^--[a-z-]+=' '' \"$current\")\n"
	"\tcase '*'\n"
	"\t\tprintf '%s\\n' $answers\n"
	"\tend\n"
	"end\n"
	"complete -c strata -f -a '(__strata_complete)'\n";

static const struct {
	const char *shell, *script;
} scripts[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

static int run(const struct invocation *inv, struct err *err)
{
	static const char *const shells[] = {"bash", "zsh", "fish", NULL};
	char hint[128];
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		if (str_eq(inv->operands[0], scripts[i].shell)) {
			fputs(scripts[i].script, stdout);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "there is no completion for '%s'%s; there is for bash, zsh and fish", inv->operands[0],
	               str_did_you_mean(hint, sizeof hint, inv->operands[0], shells));
}

const struct command command_completion = {
	.name = "completion",
	.group = "About strata",
	.synopsis = "bash | zsh | fish",
	.summary = "a script that completes commands, tables, runs and more",
	.details = "Completes commands, options and their values, tables, layers, tags and schedules from the project (that of -C, where it is given), and runs from the state if its database is up; it starts none.\n"
	           "\n"
	           "'make install' puts the scripts where the shells look for them. To have them without: see the examples, and put the line into ~/.bashrc, ~/.zshrc after compinit, or ~/.config/fish/config.fish.",
	.examples = "source <(strata completion bash)\n"
	            "source <(strata completion zsh)\n"
	            "strata completion fish | source",
	.least_operands = 1,
	.most_operands = 1,
	.completes = {COMPLETES_SHELL},
	.run = run,
};
