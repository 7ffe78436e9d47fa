package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/hint"
)

// visitInput is the input of the command that tests call.
type visitInput struct {
	home, place, note string
	guests, rest      []string
	count             int
	wait              time.Duration
	dry               bool
}

// world is a program, what was run by it last, and what it printed.
type world struct {
	*Program
	ran         *visitInput
	session     *Session
	out, errOut bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for _, name := range []string{"HOME", "CONTEXT", "TZ", "FORMAT", "NOTE", "GUEST", "COUNT", "WAIT", "DRY_RUN", "JSON", "CONFIG"} {
		t.Setenv("SAKSI_"+name, "")
	}
	w := &world{}
	bind := func(in *visitInput, f *Flags) {
		f.Argument(&in.place, "PLACE").Complete(OneOf("hall-1", "hall-2", "roof"))
		f.Rest(&in.rest, "MORE", 0)
		f.String(&in.note, "note", "a `NOTE`").Also("n")
		f.Strings(&in.guests, "guest", "a `GUEST`").Complete(OneOf("ana", "ben"))
		in.count = 3
		f.Int(&in.count, "count", "a `NUMBER`")
		f.Duration(&in.wait, "wait", "a `TIME`")
		f.Bool(&in.dry, "dry-run", "do nothing")
		f.Home(&in.home)
		f.Zone()
		f.Format()
	}
	run := func(_ context.Context, s *Session, in *visitInput) (*Result, error) {
		w.ran, w.session = in, s
		return Pairs(in.place, "place", in.place), nil
	}
	w.Program = &Program{
		Name: "saksi", Summary: "a test", Roles: []Role{{"guard", "For a guard"}}, Nouns: map[string]string{"visit": "visits"},
		Stdin: strings.NewReader(""), Stdout: &w.out, Stderr: &w.errOut,
		Contexts: &Contexts{File: filepath.Join(t.TempDir(), "saksi", "contexts.json")},
		Commands: []Command{
			New(Command{Path: "visit add", Old: []string{"welcome"}, Roles: []string{"guard"}, Summary: "let somebody in", Examples: []string{"saksi visit add hall-1", "saksi visit add roof"}}, bind, run),
			New(Command{Path: "visit end", Roles: []string{"guard"}, Summary: "see somebody out", Examples: []string{"saksi visit end hall-1", "saksi visit end roof"}}, bind, run),
		},
	}
	return w
}

// call runs a command line, and returns its exit status.
func (w *world) call(words ...string) int {
	w.ran, w.session = nil, nil
	w.out.Reset()
	w.errOut.Reset()
	return w.Run(context.Background(), words)
}

// Flags stand anywhere, before the command's name, between its parts and after its
// arguments; -- ends them.
func TestFlagsStandAnywhere(t *testing.T) {
	w := newWorld(t)
	for _, line := range []string{
		"visit add --home a --note x --guest ana --guest ben --count 7 --dry-run hall-1 m1 m2",
		"visit add hall-1 --home a m1 --note=x --guest ana m2 -guest ben --dry-run --count 7",
		"--home a visit --note x --dry-run add hall-1 m1 --guest ana --guest=ben m2 --count=7",
		"visit --home=a add -n x --dry-run --guest ana --guest ben --count 7 -- hall-1 m1 m2",
		"welcome hall-1 m1 m2 --home a -n=x --guest ana --guest ben --count 7 --dry-run=true",
	} {
		if status := w.call(strings.Fields(line)...); status != Done || w.ran == nil {
			t.Fatalf("%s: status %d: %s", line, status, w.errOut.String())
		}
		got := *w.ran
		want := visitInput{home: "a", place: "hall-1", note: "x", guests: []string{"ana", "ben"}, rest: []string{"m1", "m2"}, count: 7, dry: true}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, want %+v", line, got, want)
		}
	}
	if status := w.call("visit", "add", "--home", "a", "--", "--note", "-", "--dry-run"); status != Done || w.ran.place != "--note" || w.ran.note != "" || w.ran.dry ||
		strings.Join(w.ran.rest, " ") != "- --dry-run" {
		t.Errorf("after --: status %d, %+v", status, w.ran)
	}
	if w.call("visit", "add", "-", "--home", "a"); w.ran == nil || w.ran.place != "-" {
		t.Errorf("a dash alone is no argument: %+v", w.ran)
	}
}

func TestWrongUsage(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ line, problem, do string }{
		{"vist add", `there is no command "vist"`, "did you mean visit?"},
		{"visit ad", `there is no command "visit ad"`, "did you mean add?"},
		{"end", `there is no command "end"`, "did you mean saksi visit end?"},
		{"visit add hall-1 --home a --gest ana", "saksi visit add has no flag --gest", "did you mean --guest?"},
		{"visit add hall-1 --home a --count ten", `--count "ten": want a whole number`, ""},
		{"visit add hall-1 --home a --wait 5", `--wait "5": want a span of time`, ""},
		{"visit add hall-1 --home a --note", "--note needs a value: NOTE", "saksi help visit add"},
		{"visit add hall-1 --home a --format xml", "--format xml: want table, json or csv", ""},
		{"visit add hall-1 --home a --tz Nowhere/At-All", `--tz "Nowhere/At-All" is no time zone`, "Asia/Kuala_Lumpur"},
		{"visit add --home a", "saksi visit add needs PLACE", "PLACE is one of hall-1, hall-2, roof"},
		{"visit add", "saksi visit add needs --home and PLACE", "for example: saksi visit add hall-1"},
		{"visit add hall-1 --home a --context b", "--home and --context both say", ""},
	} {
		status := w.call(strings.Fields(c.line)...)
		if got := w.errOut.String(); status != WrongUsage || w.ran != nil || !strings.Contains(got, "saksi: "+c.problem) || !strings.Contains(got, c.do) {
			t.Errorf("%s: status %d: %s", c.line, status, got)
		}
		if w.out.Len() > 0 {
			t.Errorf("%s: printed %q", c.line, w.out.String())
		}
	}
}

// What the environment says counts where the command line doesn't, and an empty
// variable is none.
func TestEnvironment(t *testing.T) {
	w := newWorld(t)
	t.Setenv("SAKSI_HOME", "b")
	t.Setenv("SAKSI_COUNT", "9")
	t.Setenv("SAKSI_GUEST", "ana  ben")
	t.Setenv("SAKSI_DRY_RUN", "true")
	if w.call("visit", "add", "hall-1"); w.ran == nil || w.ran.home != "b" || w.ran.count != 9 || strings.Join(w.ran.guests, "|") != "ana|ben" || !w.ran.dry || !w.session.Given("guest") {
		t.Errorf("%+v: %s", w.ran, w.errOut.String())
	}
	t.Setenv("SAKSI_GUEST", "somebody with spaces\nanother\n")
	if w.call("visit", "add", "hall-1", "--count", "1", "--home", "a"); w.ran == nil || w.ran.home != "a" || w.ran.count != 1 || strings.Join(w.ran.guests, "|") != "somebody with spaces|another" {
		t.Errorf("%+v: %s", w.ran, w.errOut.String())
	}
	t.Setenv("SAKSI_GUEST", "")
	t.Setenv("SAKSI_COUNT", "")
	if w.call("visit", "add", "hall-1"); w.ran == nil || w.ran.count != 3 || w.ran.guests != nil || w.session.Given("count") || w.session.Given("guest") {
		t.Errorf("%+v: %s", w.ran, w.errOut.String())
	}
	t.Setenv("SAKSI_COUNT", "many")
	if status := w.call("visit", "add", "hall-1"); status != WrongUsage || !strings.Contains(w.errOut.String(), `SAKSI_COUNT="many": want a whole number`) {
		t.Errorf("status %d: %s", status, w.errOut.String())
	}
}

// A context stands in for --home, after everything that says otherwise.
func TestContextsStandInForHome(t *testing.T) {
	w := newWorld(t)
	for _, c := range []Context{{Name: "one", Home: "/homes/1"}, {Name: "two", Home: "/homes/2", Zone: "Asia/Kuala_Lumpur"}} {
		if err := w.Contexts.Add(c, false); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(w.Contexts.File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of contexts: %v, %v", info, err)
	}
	check := func(want string, words ...string) {
		t.Helper()
		if w.call(append([]string{"visit", "add", "hall-1"}, words...)...); w.ran == nil || w.ran.home != want {
			t.Errorf("%v: %+v, want the home %s: %s", words, w.ran, want, w.errOut.String())
		}
	}
	check("/homes/1") // the first is the current one
	if w.session.Zone != nil {
		t.Errorf("the zone is %v", w.session.Zone)
	}
	if err := w.Contexts.Use("two"); err != nil {
		t.Fatal(err)
	}
	check("/homes/2")
	if w.session.Location().String() != "Asia/Kuala_Lumpur" {
		t.Errorf("the zone is %v", w.session.Location())
	}
	check("/homes/1", "--context", "one")
	check("elsewhere", "--home", "elsewhere")
	t.Setenv("SAKSI_CONTEXT", "one")
	check("/homes/1")
	check("/homes/2", "--context", "two")
	t.Setenv("SAKSI_HOME", "from-environment")
	check("from-environment")
	check("/homes/2", "--context", "two")
	t.Setenv("SAKSI_HOME", "")
	t.Setenv("SAKSI_CONTEXT", "")
	if status := w.call("visit", "add", "hall-1", "--context", "tow"); status == Done || !strings.Contains(w.errOut.String(), "did you mean two?") {
		t.Errorf("status %d: %s", status, w.errOut.String())
	}
	if err := w.Contexts.Use(""); err != nil {
		t.Fatal(err)
	}
	if status := w.call("visit", "add", "hall-1"); status != WrongUsage || !strings.Contains(w.errOut.String(), "needs --home") {
		t.Errorf("without a context: status %d: %s", status, w.errOut.String())
	}
	if err := w.Contexts.Add(Context{Name: "one", Home: "/other"}, false); err == nil || hint.Of(err) == "" {
		t.Errorf("a context was replaced: %v", err)
	}
	if err := os.WriteFile(w.Contexts.File, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := w.call("visit", "add", "hall-1"); status != Failed || !strings.Contains(w.errOut.String(), "is not a file of contexts") {
		t.Errorf("a damaged file: status %d: %s", status, w.errOut.String())
	}
}

func TestWhereContextsAreKept(t *testing.T) {
	t.Setenv("SAKSI_CONFIG", "")
	t.Setenv("HOME", "/home/ana")
	t.Setenv("XDG_CONFIG_HOME", "/xdg")
	if got := ContextsFile(); got != "/xdg/saksi/contexts.json" {
		t.Error(got)
	}
	t.Setenv("SAKSI_CONFIG", "/my/contexts")
	if got := ContextsFile(); got != "/my/contexts" {
		t.Error(got)
	}
}

// The results of a command are printed with the error that comes with them, and the
// error's hint.
func TestErrorsAreToldInOneLine(t *testing.T) {
	w := newWorld(t)
	w.Commands = append(w.Commands, New(Command{Path: "fail"}, func(*struct{}, *Flags) {}, func(context.Context, *Session, *struct{}) (*Result, error) {
		return Pairs(nil, "half", "done"), WithStatus(DoesNotHold, hint.With(errors.New("two\nlines \x1b[2J"), "do this"))
	}))
	status := w.call("fail")
	if status != DoesNotHold || w.out.String() != "half  done\n" {
		t.Errorf("status %d, printed %q", status, w.out.String())
	}
	if got := w.errOut.String(); strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, "saksi: two; lines ") || !strings.HasSuffix(got, "\nhint: do this\n") || strings.Contains(got, "\x1b") {
		t.Errorf("the error is %q", got)
	}
}

// Of a file that can't be written to, a table says so as the other formats do.
func TestTablesThatAreNotWrittenAreNoSuccess(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, format := range []string{"table", "json", "csv"} {
		w := newWorld(t)
		w.Stdout = full
		if status := w.call("visit", "add", "hall-1", "--home", "a", "--format", format); status != Failed || !strings.Contains(w.errOut.String(), "no space left") {
			t.Errorf("%s: status %d: %s", format, status, w.errOut.String())
		}
	}
}

// Days and times without a zone are of the command's; the expectations are worked out
// by hand.
func TestTimesInAZone(t *testing.T) {
	kl, err := time.LoadLocation("Asia/Kuala_Lumpur") // UTC+8, no summer time
	if err != nil {
		t.Skip(err)
	}
	for _, c := range []struct{ text, want string }{
		{"2026-11-24", "2026-11-23T16:00:00Z"}, {"2026-11-24T08:30", "2026-11-24T00:30:00Z"}, {"2026-11-24 08:30:05", "2026-11-24T00:30:05Z"},
		{"2026-11-24T08:30Z", "2026-11-24T08:30:00Z"}, {"2026-11-24T08:30:00+01:00", "2026-11-24T07:30:00Z"},
		{"24 November", ""}, {"0000-00-00", ""}, {"10000-01-01", ""}, {"", ""},
	} {
		got, err := ParseTime(c.text, kl)
		if (err != nil) != (c.want == "") || err == nil && got.Format(time.RFC3339) != c.want {
			t.Errorf("%q: %v, %v: want %s", c.text, got, err, c.want)
		}
	}
	at := time.Date(2026, 11, 24, 18, 0, 1, 0, time.UTC)
	if s := (&Session{Zone: kl}); s.Show(at) != "2026-11-25 02:00:01+08:00" || s.Stamp(at) != "2026-11-25T02:00:01+08:00" || s.Show(time.Time{}) != "" {
		t.Errorf("%s, %s", s.Show(at), s.Stamp(at))
	}
	if s := (&Session{}); s.Show(at) != "2026-11-24 18:00:01Z" || s.Stamp(at) != "2026-11-24T18:00:01Z" {
		t.Errorf("%s, %s", s.Show(at), s.Stamp(at))
	}
}

// Colours tell a state, on a terminal alone and never with NO_COLOR; they take no room.
func TestColours(t *testing.T) {
	out := &Result{Columns: []string{"part", "state"}, Rows: [][]any{{"disk", "ok"}, {"views", "fail"}, {"anchors", "warn"}, {"other", "strange"}}}
	want := "PART     STATE\ndisk     \x1b[32mok\x1b[0m\nviews    \x1b[31mfail\x1b[0m\nanchors  \x1b[33mwarn\x1b[0m\nother    strange\n"
	if got := out.table(0, true); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := out.table(0, false); strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if Colours(file) || Colours(&bytes.Buffer{}) {
		t.Error("a file is coloured")
	}
}

// Columns that have the same in every row are said once, sentences go below their rows,
// and spare columns go, before anything else is lost.
func TestNarrowTables(t *testing.T) {
	out := &Result{
		Columns: []string{"severity", "state", "rule", "facility", "from.country", "summary", "evidence"}, Long: "summary", Collapsible: []string{"rule"},
		Rows: [][]any{
			{"high", "open", "sequence-gap", "lab-1", "SG", "between one envelope and the next some are missing: numbers 4 to 9 of recorder nimbus-my/lab-1/badges", "1412/3 1413/0"},
			{"low", "resolved", "late-record", "lab-1", "MY", "short", "7/0"},
		},
	}
	text := out.table(60, false)
	want := `SEVERITY  STATE     RULE          FROM.    EVIDENCE
                                  COUNTRY
high      open      sequence-gap  SG       1412/3 1413/0
  between one envelope and the next some are missing:
  numbers 4 to 9 of recorder nimbus-my/lab-1/badges
low       resolved  late-record   MY       7/0
  short
The same in all rows: facility lab-1.
`
	if text != want {
		t.Errorf("\n%s\nwant\n%s", text, want)
	}
	if text := out.table(45, false); strings.Contains(text, "RULE") || !strings.Contains(text, "Left out in so narrow a\nterminal: rule.") && !strings.Contains(strings.Join(strings.Fields(text), " "), "Left out in so narrow a terminal: rule.") {
		t.Errorf("\n%s", text)
	}
}

func TestCandidates(t *testing.T) {
	w := newWorld(t)
	if err := w.Contexts.Add(Context{Name: "one", Home: "/homes/1"}, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{""}, "visit help"},
		{[]string{"vi"}, "visit"},
		{[]string{"visit", ""}, "add end"},
		{[]string{"visit", "add", "ha"}, "hall-1 hall-2"},
		{[]string{"visit", "add", "--home", "a", ""}, "hall-1 hall-2 roof"},
		{[]string{"visit", "add", "--gu"}, "--guest"},
		{[]string{"visit", "add", "--guest", ""}, "ana ben"},
		{[]string{"visit", "add", "--guest=b"}, "--guest=ben"},
		{[]string{"visit", "add", "--note", "x", "--no"}, ""}, // given once already
		{[]string{"visit", "add", "--context", ""}, "one"},
		{[]string{"visit", "add", "--format", "j"}, "json"},
		{[]string{"visit", "add", "--", "--gu"}, ""},
		{[]string{"help", "gu"}, "guard"},
		{[]string{"help", "visit", "e"}, "end"},
		{[]string{"nonsense", ""}, ""},
	} {
		if status := w.call(append([]string{completing, "fish"}, c.words...)...); status != Done {
			t.Fatalf("%v: status %d", c.words, status)
		}
		var got []string
		for line := range strings.Lines(w.out.String()) {
			word, _, _ := strings.Cut(line, "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
	if w.call(completing, "bash", "saksi visit add --guest=b"); w.out.String() != "ben\n" {
		t.Errorf("bash, whose words end at =, gets %q", w.out.String())
	}
	if w.call(completing, "bash", "saksi visit add 'ha"); w.out.String() != "hall-1\nhall-2\n" {
		t.Errorf("within a quote bash gets %q", w.out.String())
	}
}
