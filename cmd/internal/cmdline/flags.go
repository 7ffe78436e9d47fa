package cmdline

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// The groups under which help lists flags. A command's own flags come first.
const (
	ownFlags    = "Flags"
	homeFlags   = "Home"
	outputFlags = "Output"
	waitFlags   = "Waiting"
)

// Flags are the flags and arguments of a command. They write to the variables that
// they were bound to when the command line is parsed.
type Flags struct {
	list      []*Flag
	arguments []*argument

	home       *string
	homeIs     homeUse
	context    string
	format     string
	json       bool
	formats    []string
	zone       string
	takesZone  bool
	afterParse []func()
}

// homeUse says how a command uses a home.
type homeUse int

const (
	noHome homeUse = iota
	wantsHome
	mayHaveHome
	makesHome
)

// Flag is one flag. Its methods return it, so that they can be chained.
type Flag struct {
	name     string
	aliases  []string
	usage    string
	value    string // what stands for the value in help; empty for a switch
	env      string
	group    string
	standard string // the default, as help shows it
	required bool
	repeats  bool
	hidden   bool
	file     bool
	values   Values

	want string // what a value must be, in words
	make func(env []string) cli.Flag
}

// Candidate is one value that can be completed, and what it means.
type Candidate struct{ Value, About string }

// Partial is the command line so far, of which a value is completed.
type Partial struct {
	// Home is the home that the command would use; it may be empty.
	Home string
	// Flags has the values given so far, by the flag's name.
	Flags map[string][]string
	// Arguments are those before the one that is completed.
	Arguments []string
	// Word is what stands there of the value.
	Word string
}

// Values returns the values that a flag or an argument can take. Errors aren't
// told: what can't be known now isn't offered.
type Values func(Partial) []Candidate

// OneOf offers fixed values.
func OneOf(values ...string) Values {
	return func(Partial) []Candidate {
		var list []Candidate
		for _, v := range values {
			list = append(list, Candidate{Value: v})
		}
		return list
	}
}

type argument struct {
	name  string
	one   *string
	many  *[]string
	least int // of many
	maybe bool
	flag  *Flag // carries the values that [Flag.Complete] sets
}

func newFlags() *Flags { return &Flags{} }

// add adds a flag. Its usage has the value's name between back quotes.
func (f *Flags) add(name, usage string, isSwitch bool, make func(*Flag) func([]string) cli.Flag) *Flag {
	flag := &Flag{name: name, group: ownFlags, env: envOf(name)}
	flag.value, flag.usage = unquoted(usage)
	if flag.value == "" && !isSwitch {
		flag.value = "VALUE"
	}
	flag.make = make(flag)
	f.list = append(f.list, flag)
	return flag
}

// envOf is the environment variable of a flag.
func envOf(flag string) string {
	return "SAKSI_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// unquoted takes the value's name out of the back quotes of a usage text.
func unquoted(usage string) (value, text string) {
	before, rest, found := strings.Cut(usage, "`")
	value, after, closed := strings.Cut(rest, "`")
	if !found || !closed {
		return "", usage
	}
	return value, before + value + after
}

// String adds a flag with a text. What the variable holds is the default.
func (f *Flags) String(to *string, name, usage string) *Flag {
	flag := f.add(name, usage, false, func(flag *Flag) func([]string) cli.Flag {
		return func(env []string) cli.Flag {
			return &cli.StringFlag{Name: name, Aliases: flag.aliases, Value: *to, Destination: to, EnvVars: env}
		}
	})
	flag.standard = *to
	return flag
}

// Strings adds a flag that may be given several times. Its environment variable is
// split at line ends if it has any, and otherwise at white space.
func (f *Flags) Strings(to *[]string, name, usage string) *Flag {
	flag := f.add(name, usage, false, func(flag *Flag) func([]string) cli.Flag {
		return func([]string) cli.Flag {
			given := cli.NewStringSlice()
			f.afterParse = append(f.afterParse, func() {
				if *to = given.Value(); len(*to) == 0 {
					*to = splitList(os.Getenv(flag.env))
				}
			})
			return &cli.StringSliceFlag{Name: name, Aliases: flag.aliases, Destination: given}
		}
	})
	flag.repeats = true
	return flag
}

func splitList(text string) []string {
	var list []string
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		return append(list, strings.Fields(text)...)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// Bool adds a switch.
func (f *Flags) Bool(to *bool, name, usage string) *Flag {
	flag := f.add(name, usage, true, func(flag *Flag) func([]string) cli.Flag {
		return func(env []string) cli.Flag {
			return &cli.BoolFlag{Name: name, Aliases: flag.aliases, Destination: to, EnvVars: env}
		}
	})
	flag.value, flag.want = "", "true or false"
	return flag
}

// Int adds a flag with a whole number. What the variable holds is the default.
func (f *Flags) Int(to *int, name, usage string) *Flag {
	flag := f.add(name, usage, false, func(flag *Flag) func([]string) cli.Flag {
		return func(env []string) cli.Flag {
			return &cli.IntFlag{Name: name, Aliases: flag.aliases, Value: *to, Destination: to, EnvVars: env}
		}
	})
	if *to != 0 {
		flag.standard = strconv.Itoa(*to)
	}
	flag.want = "a whole number"
	return flag
}

// Uint64 adds a flag with a whole number from 0. What the variable holds is the default.
func (f *Flags) Uint64(to *uint64, name, usage string) *Flag {
	flag := f.add(name, usage, false, func(flag *Flag) func([]string) cli.Flag {
		return func(env []string) cli.Flag {
			return &cli.Uint64Flag{Name: name, Aliases: flag.aliases, Value: *to, Destination: to, EnvVars: env}
		}
	})
	if *to != 0 {
		flag.standard = strconv.FormatUint(*to, 10)
	}
	flag.want = "a whole number, 0 or more"
	return flag
}

// Duration adds a flag with a span of time. What the variable holds is the default.
func (f *Flags) Duration(to *time.Duration, name, usage string) *Flag {
	flag := f.add(name, usage, false, func(flag *Flag) func([]string) cli.Flag {
		return func(env []string) cli.Flag {
			return &cli.DurationFlag{Name: name, Aliases: flag.aliases, Value: *to, Destination: to, EnvVars: env}
		}
	})
	if *to != 0 {
		flag.standard = span(*to)
	}
	flag.want = "a span of time, such as 90s, 5m or 72h"
	return flag
}

// span writes a duration without the zeros at its end: 5m, not 5m0s.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Also gives the flag another name: a letter, or one that it had before. Names of
// more than one letter are not in the help.
func (f *Flag) Also(name string) *Flag { f.aliases = append(f.aliases, name); return f }

// Env gives the flag another environment variable than its name's: without SAKSI_.
func (f *Flag) Env(name string) *Flag { f.env = envOf(name); return f }

// Required makes the flag one that must be given, by the environment at least.
func (f *Flag) Required() *Flag { f.required = true; return f }

// Hidden keeps the flag out of the help.
func (f *Flag) Hidden() *Flag { f.hidden = true; return f }

// File says that the value is a file's or a directory's name.
func (f *Flag) File() *Flag { f.file = true; return f }

// Complete says what values there are.
func (f *Flag) Complete(values Values) *Flag { f.values = values; return f }

// in puts the flag into a group of the help.
func (f *Flag) in(group string) *Flag { f.group = group; return f }

// Argument adds an argument that must be given. Its name stands in the help.
func (f *Flags) Argument(to *string, name string) *Flag {
	return f.argument(&argument{name: name, one: to})
}

// Optional adds an argument that may be left out. It must be the last.
func (f *Flags) Optional(to *string, name string) *Flag {
	return f.argument(&argument{name: name, one: to, maybe: true})
}

// Rest adds all further arguments, of which there must be at least so many. It must
// be the last.
func (f *Flags) Rest(to *[]string, name string, least int) *Flag {
	return f.argument(&argument{name: name, many: to, least: least})
}

func (f *Flags) argument(a *argument) *Flag {
	a.flag = &Flag{name: a.name}
	f.arguments = append(f.arguments, a)
	return a.flag
}

// Home adds --home and --context. A command can't do without a home: where neither
// is given, nor SAKSI_HOME, the current context says which it is.
func (f *Flags) Home(to *string) { f.addHome(to, wantsHome) }

// OptionalHome adds --home and --context to a command that works without a home. The
// current context doesn't count: it may be of a home that is no use to the command.
func (f *Flags) OptionalHome(to *string) { f.addHome(to, mayHaveHome) }

// NewHome adds --home to a command that makes a home.
func (f *Flags) NewHome(to *string) { f.addHome(to, makesHome) }

func (f *Flags) addHome(to *string, use homeUse) {
	f.home, f.homeIs = to, use
	f.String(to, "home", "the `DIRECTORY` of the role's keys, credentials and state").in(homeFlags).File()
	if use != makesHome {
		f.String(&f.context, "context", "use the home of the context `NAME`; saksi context lists them").in(homeFlags)
	}
}

// Zone adds --tz, the time zone in which times are read and shown.
func (f *Flags) Zone() {
	f.takesZone = true
	f.String(&f.zone, "tz", "read and show times in this `ZONE`, such as Asia/Kuala_Lumpur, local or UTC").in(outputFlags)
}

// Format adds --format and --json. Without formats, there are table, json and csv.
func (f *Flags) Format(formats ...string) {
	if len(formats) == 0 {
		formats = []string{"table", "json", "csv"}
	}
	f.formats = formats
	f.format = formats[0]
	f.String(&f.format, "format", "print the result as `FORMAT`: "+OrList(formats)).in(outputFlags).Complete(OneOf(formats...))
	f.Bool(&f.json, "json", "the same as --format json").in(outputFlags)
}

// Timeout adds --timeout. What the variable holds is the default.
func (f *Flags) Timeout(to *time.Duration, usage string) {
	f.Duration(to, "timeout", usage).in(waitFlags)
}

// OrList writes a list with "or" before the last.
func OrList(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// andList writes a list with "and" before the last.
func andList(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// named returns the flag of a name, without dashes.
func (f *Flags) named(name string) *Flag {
	for _, flag := range f.list {
		if flag.name == name {
			return flag
		}
		for _, alias := range flag.aliases {
			if alias == name {
				return flag
			}
		}
	}
	return nil
}

// usageOfArguments is what the help shows of the arguments.
func (f *Flags) usageOfArguments() string {
	var b strings.Builder
	for _, a := range f.arguments {
		text := a.name
		if a.many != nil {
			text += "…"
		}
		if a.maybe || a.many != nil && a.least == 0 {
			text = "[" + text + "]"
		}
		b.WriteString(" " + text)
	}
	return b.String()
}
