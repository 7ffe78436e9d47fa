package cmdline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/hint"
)

// completing is the word by which shells ask for completions:
//
//	saksi __complete bash LINE
//	saksi __complete zsh|fish WORD…
//
// The line is what was typed up to the cursor, the last word is the one to complete.
// Each answer is a line: the word, and for zsh and fish a tab and what it means.
const completing = "__complete"

func (p *Program) complete(words []string) error {
	if len(words) < 2 {
		return Usage("%s %s SHELL WORDS", p.Name, completing)
	}
	shell, words := words[0], words[1:]
	if shell == "bash" {
		if words = SplitLine(words[0]); len(words) < 2 {
			return nil
		}
		words = words[1:]
	}
	word := words[len(words)-1]
	for _, c := range p.candidates(words[:len(words)-1], word) {
		if !strings.HasPrefix(c.Value, word) || strings.ContainsAny(c.Value, "\n\t") {
			continue
		}
		if shell == "bash" {
			// The shell takes what follows = and : for a word of its own.
			at := strings.LastIndexAny(word, "=:") + 1
			fmt.Fprintln(p.Stdout, c.Value[at:])
			continue
		}
		fmt.Fprintf(p.Stdout, "%s\t%s\n", c.Value, safetext.Line(c.About))
	}
	return nil
}

// candidates returns what can stand in the place of word, after other words.
func (p *Program) candidates(before []string, word string) []Candidate {
	helping := len(before) > 0 && before[0] == "help"
	if helping {
		before = before[1:]
	}
	f, err := p.find(before)
	if err != nil {
		return nil
	}
	if f.command == nil {
		list := p.names(f.path)
		if f.path == "" && !helping {
			list = append(list, Candidate{"help", "explain a command, or list those of a role"})
		}
		if f.path == "" && helping {
			for _, role := range p.Roles {
				list = append(list, Candidate{role.Name, role.Title})
			}
		}
		return list
	}
	if f.command.Raw || helping {
		return nil
	}
	flags, _ := f.command.begin()
	return p.inCommand(flags, f.rest, word)
}

// names are the words that can follow a part of a command's name.
func (p *Program) names(prefix string) []Candidate {
	var list []Candidate
	for _, name := range p.below(prefix) {
		full := strings.TrimPrefix(prefix+" "+name, " ")
		about := p.Nouns[full]
		if c := p.command(full); c != nil {
			about = c.Summary
		}
		list = append(list, Candidate{name, about})
	}
	return list
}

// inCommand completes a flag, its value or an argument.
func (p *Program) inCommand(flags *Flags, before []string, word string) []Candidate {
	so := Partial{Flags: map[string][]string{}, Word: word}
	var waiting *Flag
	ended := false
	for _, w := range before {
		switch {
		case waiting != nil:
			so.Flags[waiting.name] = append(so.Flags[waiting.name], w)
			waiting = nil
		case ended || len(w) < 2 || w[0] != '-':
			so.Arguments = append(so.Arguments, w)
		case w == "--":
			ended = true
		default:
			name, value, joined := flagName(w)
			if flag := flags.named(name); flag != nil && joined {
				so.Flags[flag.name] = append(so.Flags[flag.name], value)
			} else if flag != nil && flag.value != "" {
				waiting = flag
			}
		}
	}
	so.Home = p.homeOf(flags, so)
	switch {
	case waiting != nil:
		return p.valuesOf(waiting, so)
	case !ended && strings.HasPrefix(word, "-"):
		if name, value, joined := flagName(word); joined {
			flag := flags.named(name)
			if flag == nil {
				return nil
			}
			so.Word = value
			var list []Candidate
			for _, c := range p.valuesOf(flag, so) {
				list = append(list, Candidate{strings.TrimSuffix(word, value) + c.Value, c.About})
			}
			return list
		}
		return flagsOf(flags, so)
	}
	for i, a := range flags.arguments {
		if a.flag.values != nil && (i == len(so.Arguments) || a.many != nil && i <= len(so.Arguments)) {
			return a.flag.values(so)
		}
	}
	return nil
}

func flagsOf(flags *Flags, so Partial) []Candidate {
	list := []Candidate{{"--help", "explain the command"}}
	for _, flag := range flags.list {
		if !flag.hidden && (flag.repeats || so.Flags[flag.name] == nil) {
			list = append(list, Candidate{"--" + flag.name, flag.usage})
		}
	}
	slices.SortFunc(list, func(a, b Candidate) int { return strings.Compare(a.Value, b.Value) })
	return list
}

func (p *Program) valuesOf(flag *Flag, so Partial) []Candidate {
	switch {
	case flag.values != nil:
		return flag.values(so)
	case flag.name == "context" && p.Contexts != nil:
		all, _, err := p.Contexts.All()
		if err != nil {
			return nil
		}
		var list []Candidate
		for _, c := range all {
			list = append(list, Candidate{c.Name, c.Home})
		}
		return list
	}
	return nil
}

// homeOf is the home that a command would use, as far as it was typed.
func (p *Program) homeOf(flags *Flags, so Partial) string {
	if list := so.Flags["home"]; list != nil {
		return fromHere(list[len(list)-1])
	}
	if p.Contexts != nil && so.Flags["context"] != nil {
		if c, err := p.Contexts.Find(so.Flags["context"][0]); err == nil {
			return c.Home
		}
		return ""
	}
	if home := os.Getenv("SAKSI_HOME"); home != "" {
		return home
	}
	if p.Contexts == nil || flags.homeIs != wantsHome {
		return ""
	}
	if name := os.Getenv("SAKSI_CONTEXT"); name != "" {
		if c, err := p.Contexts.Find(name); err == nil {
			return c.Home
		}
		return ""
	}
	if c, err := p.Contexts.Current(); err == nil && c != nil {
		return c.Home
	}
	return ""
}

// fromHere opens up a tilde, which the shell hasn't done yet.
func fromHere(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// SplitLine splits a line into words as shells do, as far as quotes and backslashes
// go. A line that ends with a space has an empty last word.
func SplitLine(line string) []string {
	var words []string
	var word strings.Builder
	quote, escaped, begun := rune(0), false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ' || r == '\t':
			if begun || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
		}
	}
	return append(words, word.String())
}

// Completion returns what a shell is to read, so that it completes the program's
// commands, flags and values.
func (p *Program) Completion(shell string) (string, error) {
	text, ok := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[shell]
	if !ok {
		return "", hint.With(Usage("there is no completion for %q", shell), "there is one for bash, zsh and fish")
	}
	return strings.ReplaceAll(text, "PROGRAM", p.Name), nil
}

const bashCompletion = `# Completion for PROGRAM in bash. Put this into ~/.bashrc:
#   source <(PROGRAM completion bash)
_PROGRAM() {
	local IFS=$'\n'
	local noglob=0
	[[ $- == *f* ]] && noglob=1
	set -f
	COMPREPLY=($("$1" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
	((noglob)) || set +f
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && type compopt >/dev/null 2>&1; then
		compopt -o nospace
	fi
	return 0
}
complete -o default -F _PROGRAM PROGRAM
`

const zshCompletion = `#compdef PROGRAM
# Completion for PROGRAM in zsh. Put this into ~/.zshrc, after compinit:
#   source <(PROGRAM completion zsh)
_PROGRAM() {
	local -a lines values shown
	local line tab=$'\t'
	lines=("${(@f)$("${words[1]}" __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	for line in $lines; do
		[[ -n $line ]] || continue
		values+=("${line%%$tab*}")
		shown+=("${line%%$tab*}  ${line#*$tab}")
	done
	if (( ! $#values )); then
		_files
	elif [[ $#values -eq 1 && $values[1] == *= ]]; then
		compadd -S '' -a values
	else
		compadd -l -d shown -a values
	fi
}
if [[ $funcstack[1] == _PROGRAM ]]; then
	_PROGRAM "$@"
else
	compdef _PROGRAM PROGRAM
fi
`

const fishCompletion = `# Completion for PROGRAM in fish. Put it where fish looks for it:
#   PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish
function __PROGRAM_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l found ($words[1] __complete fish $words[2..-1] 2>/dev/null)
	if test (count $found) -eq 0
		__fish_complete_path (commandline -ct)
	else
		printf '%s\n' $found
	end
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`
