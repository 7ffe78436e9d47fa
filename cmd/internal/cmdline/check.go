package cmdline

import (
	"fmt"
	"slices"
	"strings"
)

// Problems says, a sentence each, what is wrong with the program's commands, and what
// to do about it. It is for tests: a command that it has nothing to say of is in the
// help, and its examples parse.
func (p *Program) Problems() []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	var roles []string
	for _, role := range p.Roles {
		roles = append(roles, role.Name)
	}
	named := map[string]string{}
	for _, c := range p.Commands {
		name := p.Name + " " + c.Path
		for _, path := range append([]string{c.Path}, c.Old...) {
			if other := named[path]; other != "" {
				say("%s and %s are both called %q: give one of them another name", name, other, path)
			}
			named[path] = name
		}
		flags, _ := c.begin()
		for _, flag := range flags.list {
			if !strings.HasPrefix(flag.env, "SAKSI_") {
				say("--%s of %s has no environment variable SAKSI_…: every flag has one", flag.name, name)
			}
			if strings.TrimSpace(flag.usage) == "" || strings.HasSuffix(flag.usage, ".") {
				say("--%s of %s wants a usage text without a full stop at its end", flag.name, name)
			}
		}
		if c.Hidden {
			continue
		}
		if len(c.Roles) == 0 {
			say("%s is in no section of the help: set its Roles to those who use it, of %s", name, strings.Join(roles, ", "))
		}
		for _, role := range c.Roles {
			if !slices.Contains(roles, role) {
				say("%s has the role %q, which the help has no section for: want %s", name, role, strings.Join(roles, ", "))
			}
		}
		if noun, _, below := strings.Cut(c.Path, " "); below && p.Nouns[noun] == "" {
			say("%s is below the noun %q: say in Nouns what its commands are for", name, noun)
		}
		if c.Summary == "" || strings.HasSuffix(c.Summary, ".") || strings.Contains(c.Summary, "\n") {
			say("%s wants a Summary: one line, without a full stop at its end", name)
		}
		if len(c.Examples) < 2 || len(c.Examples) > 3 {
			say("%s has %d Examples: want two or three command lines that work", name, len(c.Examples))
		}
		for _, example := range c.Examples {
			if problem := p.tryExample(c, example); problem != "" {
				say("the example %q of %s %s", example, name, problem)
			}
		}
	}
	return list
}

// tryExample parses an example, and says what is wrong with it.
func (p *Program) tryExample(c Command, example string) string {
	words := SplitLine(example)
	for len(words) > 0 && strings.HasPrefix(words[0], "SAKSI_") && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	if i := slices.IndexFunc(words, func(w string) bool { return w == ">" || w == "|" || w == "&" }); i >= 0 {
		words = words[:i]
	}
	if len(words) == 0 || words[0] != p.Name {
		return "doesn't begin with " + p.Name
	}
	f, err := p.find(words[1:])
	switch {
	case err != nil:
		return "doesn't parse: " + err.Error()
	case f.command == nil || f.command.Path != c.Path:
		return "is of another command"
	case f.called != c.Path:
		return "calls the command by its old name"
	}
	ready, err := p.parse(f.command, f.rest)
	if err != nil {
		return "doesn't parse: " + err.Error()
	}
	if len(ready.missing) > 0 {
		return "lacks " + andList(ready.missing)
	}
	return ""
}
