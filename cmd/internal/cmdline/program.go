package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/hint"
)

// Program is a list of commands, and how they are called.
type Program struct {
	// Name is the program's, Summary says in one line what it is for.
	Name, Summary string
	// Roles are the sections of the help, in their order.
	Roles []Role
	// Nouns say in a line what the commands below a noun are for: "operator".
	Nouns    map[string]string
	Commands []Command
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	// Contexts stand in for --home; nil has none.
	Contexts *Contexts
}

// Run runs the command that the arguments name, the program's own name not among
// them, and returns its exit status. It has printed the result and the error.
func (p *Program) Run(ctx context.Context, arguments []string) int {
	err := p.run(ctx, arguments)
	if err != nil {
		p.tell(err)
	}
	return Status(err)
}

// tell prints an error as one line, and another if there is something to do.
func (p *Program) tell(err error) {
	fmt.Fprintf(p.Stderr, "%s: %s\n", p.Name, safetext.Line(strings.ReplaceAll(err.Error(), "\n", "; ")))
	if do := hint.Of(err); do != "" {
		fmt.Fprintf(p.Stderr, "hint: %s\n", safetext.Line(do))
	} else if errors.Is(err, syscall.ENOSPC) {
		fmt.Fprintln(p.Stderr, "hint: the disk is full: make room, and start it again; what has a receipt is safe")
	}
}

func (p *Program) run(ctx context.Context, words []string) error {
	if len(words) > 0 && words[0] == completing {
		return p.complete(words[1:])
	}
	if len(words) > 0 && words[0] == "help" {
		return p.help(words[1:])
	}
	f, err := p.find(words)
	if err != nil {
		return err
	}
	if f.command == nil || f.help {
		return p.help(strings.Fields(f.path))
	}
	ready, err := p.parse(f.command, f.rest)
	if err != nil {
		return err
	}
	if err := p.chooseHome(ready); err != nil {
		return err
	}
	if err := ready.wants(); err != nil {
		return err
	}
	result, err := ready.run(ctx, ready.session)
	if result != nil {
		if printed := result.print(ready.session); printed != nil {
			return errors.Join(printed, err)
		}
	}
	return err
}

// chooseHome finds out which home is meant, and the zone that goes with it.
func (p *Program) chooseHome(r *parsed) error {
	flags, s := r.flags, r.session
	zone := flags.zone
	if flags.home != nil && flags.homeIs != makesHome {
		c, err := p.contextFor(r)
		if err != nil {
			return err
		}
		if c != nil {
			*flags.home = c.Home
			if zone == "" {
				zone = c.Zone
			}
		}
	}
	if flags.home != nil && *flags.home == "" && flags.homeIs != mayHaveHome {
		r.missing = append([]string{"--home"}, r.missing...)
	}
	if !flags.takesZone || zone == "" {
		return nil
	}
	var err error
	s.Zone, err = loadZone(zone)
	return err
}

// contextFor returns the context whose home a command uses; nil if there is none, or
// --home says otherwise. Whatever was said on the command line counts before the
// environment, and that before the current context.
func (p *Program) contextFor(r *parsed) (*Context, error) {
	flags, s := r.flags, r.session
	switch {
	case p.Contexts == nil:
		return nil, nil
	case s.typed["context"] && s.typed["home"]:
		return nil, Usage("--home and --context both say which home is meant: give one of them")
	case s.typed["context"]:
		return p.Contexts.Find(flags.context)
	case s.given["home"]:
		return nil, nil
	case s.given["context"]:
		return p.Contexts.Find(flags.context)
	case flags.homeIs == mayHaveHome:
		return nil, nil
	}
	return p.Contexts.Current()
}
