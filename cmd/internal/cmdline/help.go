package cmdline

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/hint"
)

// widest is how wide help is made on a wide terminal, in characters.
const widest = 100

// help prints the help of the whole program, of a role, of a noun or of a command.
func (p *Program) help(words []string) error {
	width := TerminalWidth(p.Stdout)
	if width == 0 || width > widest {
		width = widest
	}
	h := helpText{Program: p, width: width, colours: Colours(p.Stdout)}
	name := strings.Join(words, " ")
	if name == "" {
		h.all()
		return h.write(p.Stdout)
	}
	shown := false
	for _, role := range p.Roles {
		if role.Name == name {
			h.role(role)
			shown = true
		}
	}
	if c := p.command(name); c != nil {
		h.command(c)
		shown = true
	} else if p.isPrefix(name) {
		if shown {
			h.line("")
		}
		h.noun(name)
		shown = true
	}
	if !shown {
		f, err := p.find(words)
		if err != nil {
			return p.unknownTopic(name, err)
		}
		if f.command == nil { // flags alone
			h.all()
		} else {
			h.command(f.command)
		}
	}
	return h.write(p.Stdout)
}

func (p *Program) unknownTopic(name string, err error) error {
	topics := p.below("")
	for _, role := range p.Roles {
		topics = append(topics, role.Name)
	}
	if asked := hint.DidYouMean(name, topics); asked != "" {
		return hint.With(err, asked+" "+p.Name+" help lists them")
	}
	return err
}

type helpText struct {
	*Program
	strings.Builder
	width   int
	colours bool
}

func (h *helpText) write(w io.Writer) error {
	_, err := io.WriteString(w, h.String())
	return err
}

func (h *helpText) line(format string, args ...any) {
	fmt.Fprintf(&h.Builder, format+"\n", args...)
}

func (h *helpText) title(text string) {
	if h.colours {
		text = paint(bold, text)
	}
	h.line("%s", text)
}

// list writes names and what they are, the second column wrapped.
func (h *helpText) list(rows [][2]string) {
	const longest = 30
	first := 0
	for _, row := range rows {
		if len(row[0]) <= longest {
			first = max(first, len(row[0]))
		}
	}
	indent := "  " + strings.Repeat(" ", first) + "  "
	for _, row := range rows {
		lines := strings.Split(wrapped(row[1], max(20, h.width-len(indent))), "\n")
		if len(row[0]) > first {
			h.line("  %s", row[0])
		} else {
			h.line("%s", strings.TrimRight(fmt.Sprintf("  %-*s  %s", first, row[0], lines[0]), " "))
			lines = lines[1:]
		}
		for _, line := range lines {
			h.line("%s%s", indent, line)
		}
	}
}

// all is the help of the program: what there is, by role.
func (h *helpText) all() {
	h.line("%s", wrapped(h.Name+": "+h.Summary+".", h.width))
	h.line("\nUsage: %s COMMAND [FLAGS] [ARGUMENTS]", h.Name)
	for _, role := range h.Roles {
		h.line("")
		h.title(role.Title + ":")
		h.list(h.rowsOf(role))
	}
	var names []string
	for _, role := range h.Roles {
		names = append(names, role.Name)
	}
	h.line("\n%s", wrapped(fmt.Sprintf("%[1]s help COMMAND explains a command, %[1]s help ROLE lists all commands of one: %[2]s. Flags may stand anywhere; -- ends them.",
		h.Name, strings.Join(names, ", ")), h.width))
}

// rowsOf has a line for each noun of a role with its verbs, and for each command
// without one.
func (h *helpText) rowsOf(role Role) (rows [][2]string) {
	verbs := map[string][]string{}
	var order []string
	about := map[string]string{}
	for _, c := range h.Commands {
		if c.Hidden || !slices.Contains(c.Roles, role.Name) {
			continue
		}
		noun, verb, below := strings.Cut(c.Path, " ")
		if !slices.Contains(order, noun) {
			order = append(order, noun)
		}
		if below {
			verbs[noun] = append(verbs[noun], verb)
		} else {
			about[noun] = c.Summary
		}
	}
	for _, noun := range order {
		text := about[noun]
		if list := verbs[noun]; list != nil {
			text = strings.TrimPrefix(text+"; "+h.Nouns[noun]+": "+strings.Join(list, ", "), "; ")
		}
		rows = append(rows, [2]string{noun, text})
	}
	return rows
}

// role is the help of a role: each of its commands.
func (h *helpText) role(role Role) {
	h.title(role.Title + ":")
	var rows [][2]string
	for _, c := range h.Commands {
		if !c.Hidden && slices.Contains(c.Roles, role.Name) {
			rows = append(rows, [2]string{c.Path, c.Summary})
		}
	}
	h.list(rows)
	h.line("\n%s", wrapped(h.Name+" help COMMAND explains a command.", h.width))
}

// noun is the help of the commands below a noun.
func (h *helpText) noun(name string) {
	about := h.Nouns[name]
	if about != "" {
		about = ": " + about
	}
	h.line("%s", wrapped(h.Name+" "+name+about, h.width))
	h.line("\nUsage: %s %s COMMAND [FLAGS] [ARGUMENTS]\n", h.Name, name)
	h.title("Commands:")
	var rows [][2]string
	for _, c := range h.Commands {
		if rest, ok := strings.CutPrefix(c.Path, name+" "); ok && !c.Hidden {
			rows = append(rows, [2]string{rest, c.Summary})
		}
	}
	if len(rows) == 0 { // a noun of before
		for _, c := range h.Commands {
			for _, old := range c.Old {
				if rest, ok := strings.CutPrefix(old, name+" "); ok && !c.Hidden {
					rows = append(rows, [2]string{rest, "is now " + h.Name + " " + c.Path + ": " + c.Summary})
				}
			}
		}
	}
	h.list(rows)
	h.line("\n%s", wrapped(fmt.Sprintf("%s help %s COMMAND explains a command.", h.Name, name), h.width))
}

func (p *Program) usageLine(c *Command, flags *Flags) string {
	text := p.Name + " " + c.Path
	if len(flags.list) > 0 {
		text += " [FLAGS]"
	}
	return text + flags.usageOfArguments()
}

// command is the help of one command.
func (h *helpText) command(c *Command) {
	flags, _ := c.begin()
	h.line("%s", wrapped(h.Name+" "+c.Path+": "+c.Summary, h.width))
	h.line("\nUsage: %s", h.usageLine(c, flags))
	if c.Text != "" {
		h.line("\n%s", wrapped(c.Text, h.width))
	}
	if len(c.Examples) > 0 {
		h.line("")
		h.title("Examples:")
		for _, example := range c.Examples {
			h.line("  %s", example)
		}
	}
	for _, group := range []string{ownFlags, homeFlags, waitFlags, outputFlags} {
		var rows [][2]string
		for _, flag := range flags.list {
			if flag.group == group && !flag.hidden {
				rows = append(rows, [2]string{flag.names(), flag.about()})
			}
		}
		if len(rows) > 0 {
			h.line("")
			h.title(group + ":")
			h.list(rows)
		}
	}
}

// names is how help writes a flag: "-o, --output FILE".
func (f *Flag) names() string {
	text := "--" + f.name
	for _, alias := range f.aliases {
		if len(alias) == 1 {
			text = "-" + alias + ", " + text
		}
	}
	if f.value != "" {
		text += " " + f.value
	}
	return text
}

// about is what help says of a flag, with what else there is to know of it.
func (f *Flag) about() string {
	notes := []string{}
	if f.required {
		notes = append(notes, "required")
	}
	if f.repeats {
		notes = append(notes, "may be repeated")
	}
	if f.standard != "" {
		notes = append(notes, "default "+f.standard)
	}
	return f.usage + " (" + strings.Join(append(notes, f.env), "; ") + ")"
}
