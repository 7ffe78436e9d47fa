package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/hint"
)

// found is what a command line names.
type found struct {
	command *Command // nil where the words name none, or only the first part of one
	path    string   // what was named, by its newest name
	called  string   // what was named, as it was written
	help    bool     // --help was among the words
	rest    []string // flags and arguments
}

// find looks for the command that words name. Flags may stand before the command's
// name, and between its parts.
func (p *Program) find(words []string) (found, error) {
	var f found
	for i := 0; i < len(words); i++ {
		word := words[i]
		if len(word) > 1 && word[0] == '-' {
			switch name, _, joined := flagName(word); {
			case name == "help" || name == "h":
				f.help = true
			case name == "version" && f.path == "":
				word = "version"
				f.command = p.command(word)
				f.path, f.called = word, word
				f.rest = append(f.rest, words[i+1:]...)
				return f, nil
			default:
				f.rest = append(f.rest, word)
				if !joined && i+1 < len(words) && p.takesValue(f.called, name, words[i+1]) {
					i++
					f.rest = append(f.rest, words[i])
				}
			}
			continue
		}
		called := strings.TrimPrefix(f.called+" "+word, " ")
		if c := p.command(called); c != nil {
			f.command, f.path, f.called = c, c.Path, called
			f.rest = append(f.rest, words[i+1:]...)
			if c.Raw {
				return f, nil
			}
			f.help = f.help || asksForHelp(f.rest)
			return f, nil
		}
		if !p.isPrefix(called) {
			return f, p.unknown(f.called, word)
		}
		f.path, f.called = called, called
	}
	return f, nil
}

func asksForHelp(words []string) bool {
	for _, word := range words {
		switch word {
		case "--":
			return false
		case "-h", "--help", "-help":
			return true
		}
	}
	return false
}

// command returns the command of a name, present or past.
func (p *Program) command(name string) *Command {
	for i := range p.Commands {
		if c := &p.Commands[i]; c.Path == name || slices.Contains(c.Old, name) {
			return c
		}
	}
	return nil
}

// isPrefix tells whether there are commands below a name.
func (p *Program) isPrefix(name string) bool {
	for i := range p.Commands {
		c := &p.Commands[i]
		for _, path := range append([]string{c.Path}, c.Old...) {
			if strings.HasPrefix(path, name+" ") {
				return true
			}
		}
	}
	return false
}

// below returns the names that can stand after a prefix, of commands that help shows.
func (p *Program) below(prefix string) []string {
	var names []string
	for _, c := range p.Commands {
		rest, ok := strings.CutPrefix(c.Path, strings.TrimPrefix(prefix+" ", " "))
		if !ok || c.Hidden {
			continue
		}
		name, _, _ := strings.Cut(rest, " ")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// takesValue tells whether a flag that stands before the command's name is followed by
// its value. Where commands differ, it is unless the next word goes on with a name.
func (p *Program) takesValue(before, name, next string) bool {
	switches, values := false, false
	for _, c := range p.Commands {
		if before != "" && !strings.HasPrefix(c.Path, before+" ") {
			continue
		}
		flags, _ := c.begin()
		if flag := flags.named(name); flag != nil {
			switches = switches || flag.value == ""
			values = values || flag.value != ""
		}
	}
	if switches && values {
		called := strings.TrimPrefix(before+" "+next, " ")
		return p.command(called) == nil && !p.isPrefix(called)
	}
	return !switches
}

func (p *Program) unknown(before, word string) error {
	name := strings.TrimPrefix(before+" "+word, " ")
	err := Usage("there is no command %q", name)
	help := strings.TrimSpace(p.Name + " help " + before)
	if asked := hint.DidYouMean(word, p.below(before)); asked != "" {
		return hint.With(err, asked+" "+help+" lists them")
	}
	// The word may be a verb, whose noun is missing.
	var verbs []string
	for _, c := range p.Commands {
		if !c.Hidden && before == "" && strings.HasSuffix(c.Path, " "+word) {
			verbs = append(verbs, p.Name+" "+c.Path)
		}
	}
	if len(verbs) > 0 && len(verbs) <= 4 {
		return hint.With(err, "did you mean "+OrList(verbs)+"?")
	}
	return hint.With(err, help+" lists them")
}

// flagName takes a word that begins with a dash apart.
func flagName(word string) (name, value string, joined bool) {
	name = strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-")
	return cutFlag(name)
}

func cutFlag(word string) (name, value string, joined bool) {
	name, value, joined = strings.Cut(word, "=")
	return name, value, joined
}

// reorder puts flags before arguments, with -- between them, as the parser wants
// them. A word after -- is an argument, and so is a lone dash.
func (p *Program) reorder(c *Command, flags *Flags, words []string) (flagged, arguments []string, _ error) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "--" {
			return flagged, append(arguments, words[i+1:]...), nil
		}
		if len(word) < 2 || word[0] != '-' {
			arguments = append(arguments, word)
			continue
		}
		name, _, joined := flagName(word)
		flag := flags.named(name)
		switch {
		case flag == nil:
			return nil, nil, p.unknownFlag(c, flags, word)
		case flag.value == "" || joined:
			flagged = append(flagged, word)
		case i+1 == len(words):
			return nil, nil, hint.With(Usage("--%s needs a value: %s", flag.name, flag.value), p.Name+" help "+c.Path+" says what it is")
		default:
			i++
			flagged = append(flagged, word+"="+words[i])
		}
	}
	return flagged, arguments, nil
}

func (p *Program) unknownFlag(c *Command, flags *Flags, word string) error {
	name, _, _ := flagName(word)
	var names []string
	for _, flag := range flags.list {
		if !flag.hidden {
			names = append(names, flag.name)
		}
	}
	help := p.Name + " help " + c.Path + " lists its flags"
	if near := hint.Nearest(name, names); len(near) > 0 {
		help = "did you mean --" + strings.Join(near, " or --") + "? " + help
	}
	return hint.With(Usage("%s %s has no flag --%s", p.Name, c.Path, name), help+"; an argument that begins with a dash goes after --")
}

// parsed is a command that is ready to run.
type parsed struct {
	command *Command
	flags   *Flags
	run     func(context.Context, *Session) (*Result, error)
	session *Session
	// missing are the flags and arguments that are wanted and weren't given.
	missing []string
}

// parse reads the flags and arguments of a command. What depends on the machine, the
// current context and the environment's values apart, is not looked at.
func (p *Program) parse(c *Command, words []string) (*parsed, error) {
	flags, run := c.begin()
	s := &Session{In: p.Stdin, Out: p.Stdout, Err: p.Stderr, Name: p.Name + " " + c.Path, given: map[string]bool{}, typed: map[string]bool{}}
	ready := &parsed{command: c, flags: flags, run: run, session: s}
	if c.Raw {
		*flags.arguments[0].many = words
		return ready, nil
	}
	flagged, arguments, err := p.reorder(c, flags, words)
	if err != nil {
		return nil, err
	}
	for _, word := range flagged {
		name, _, _ := flagName(word)
		s.typed[flags.named(name).name] = true
	}
	if err := p.parseFlags(flags, s, flagged); err != nil {
		return nil, err
	}
	if err := ready.bindArguments(p, arguments); err != nil {
		return nil, err
	}
	for _, flag := range flags.list {
		if flag.required && !s.given[flag.name] {
			ready.missing = append(ready.missing, "--"+flag.name)
		}
	}
	if flags.formats != nil {
		if flags.json {
			flags.format = "json"
		}
		if s.Format = flags.format; s.Format == "" {
			s.Format = flags.formats[0]
		}
		if !slices.Contains(flags.formats, s.Format) {
			return nil, Usage("--format %s: want %s", s.Format, OrList(flags.formats))
		}
	}
	return ready, nil
}

// parseFlags has urfave/cli read flags, by a program of this one command.
func (p *Program) parseFlags(flags *Flags, s *Session, words []string) error {
	app := &cli.App{
		Name: s.Name, HideHelp: true, HideVersion: true, Reader: p.Stdin, Writer: io.Discard, ErrWriter: io.Discard,
		// Conditions and Rekors have commas.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return flags.wrongValue(err) },
		Action: func(c *cli.Context) error {
			for _, flag := range flags.list {
				s.given[flag.name] = c.IsSet(flag.name) || flag.repeats && strings.TrimSpace(os.Getenv(flag.env)) != ""
			}
			return nil
		},
	}
	for _, flag := range flags.list {
		var env []string
		if os.Getenv(flag.env) != "" { // an empty variable is as good as none
			env = []string{flag.env}
		}
		app.Flags = append(app.Flags, flag.make(env))
	}
	if err := app.RunContext(context.Background(), append([]string{s.Name}, words...)); err != nil {
		return flags.wrongValue(err)
	}
	for _, f := range flags.afterParse {
		f()
	}
	return nil
}

var (
	wrongFlag = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z0-9-]+): `)
	wrongEnv  = regexp.MustCompile(`^could not parse (".*") as [a-z0-9 ]+ value from environment variable "([A-Z0-9_]+)" for flag ([a-z0-9-]+): `)
)

// wrongValue says what the value of a flag must be.
func (f *Flags) wrongValue(err error) error {
	var status statusError
	if errors.As(err, &status) {
		return err
	}
	if m := wrongEnv.FindStringSubmatch(err.Error()); m != nil && f.named(m[3]) != nil {
		return Usage("%s=%s: want %s", m[2], m[1], f.named(m[3]).want)
	}
	if m := wrongFlag.FindStringSubmatch(err.Error()); m != nil && f.named(m[2]) != nil {
		return Usage("--%s %s: want %s", m[2], m[1], f.named(m[2]).want)
	}
	return Usage("%v", err)
}

// bindArguments gives the arguments to their variables.
func (r *parsed) bindArguments(p *Program, words []string) error {
	given := len(words)
	for _, a := range r.flags.arguments {
		switch {
		case a.many != nil:
			*a.many, words = words, nil
			if len(*a.many) < a.least {
				r.missing = append(r.missing, atLeast(a))
			}
		case len(words) > 0:
			*a.one, words = words[0], words[1:]
		case !a.maybe:
			r.missing = append(r.missing, a.name)
		}
	}
	if len(words) > 0 {
		takes := strings.TrimPrefix(r.flags.usageOfArguments(), " ")
		if takes == "" {
			takes = "no arguments"
		}
		return hint.With(r.session.Usage("takes %s, not %d arguments", takes, given), "usage: "+p.usageLine(r.command, r.flags))
	}
	return nil
}

func atLeast(a *argument) string {
	if a.least == 1 {
		return a.name
	}
	return fmt.Sprintf("%d of %s", a.least, a.name)
}

// wants returns an error if something is missing, with the command's first example.
func (r *parsed) wants() error {
	if len(r.missing) == 0 {
		return nil
	}
	err := r.session.Usage("needs %s", andList(r.missing))
	for _, a := range r.flags.arguments {
		if a.flag.values == nil || a.one == nil || *a.one != "" || r.missing[0] != a.name {
			continue
		}
		var names []string
		for _, v := range a.flag.values(Partial{Home: r.home()}) {
			names = append(names, v.Value)
		}
		if len(names) > 0 && len(names) <= 30 {
			return hint.With(err, a.name+" is one of "+strings.Join(names, ", "))
		}
	}
	if len(r.command.Examples) > 0 {
		return hint.With(err, "for example: "+r.command.Examples[0])
	}
	return err
}

func (r *parsed) home() string {
	if r.flags.home == nil {
		return ""
	}
	return *r.flags.home
}
