package cmdline

import "context"

// Command describes one command. [New] makes one that can run.
type Command struct {
	// Path is the command's name, such as "operator add".
	Path string
	// Old are the names that the command had before. They work, and help doesn't show them.
	Old []string
	// Roles are the sections of the help in which the command stands: names of [Role]s.
	Roles []string
	// Summary says in one line, without a full stop, what the command does.
	Summary string
	// Text says more, in paragraphs. It is wrapped where it is shown.
	Text string
	// Examples are two or three command lines that work, each beginning with the
	// program's name.
	Examples []string
	// Hidden commands are in no help and need no examples: programs call them.
	Hidden bool
	// Raw commands get all their arguments as they are, flags too.
	Raw bool

	begin func() (*Flags, func(context.Context, *Session) (*Result, error))
}

// New returns a command whose flags and arguments are bound to the fields of an In,
// and that run carries out. A result that run returns is printed, and so is one
// that comes with an error, before the error. Nil prints nothing: run has written
// what there is to the session's streams.
func New[In any](c Command, bind func(*In, *Flags), run func(context.Context, *Session, *In) (*Result, error)) Command {
	c.begin = func() (*Flags, func(context.Context, *Session) (*Result, error)) {
		in, flags := new(In), newFlags()
		bind(in, flags)
		return flags, func(ctx context.Context, s *Session) (*Result, error) { return run(ctx, s, in) }
	}
	return c
}

// Role is a section of the help: the commands of one kind of user.
type Role struct {
	Name  string // "regulator", as saksi help takes it
	Title string // "For a regulator"
}
