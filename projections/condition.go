package projections

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/store"
)

// String returns the condition as [ParseCondition] reads it.
func (c Condition) String() string { return c.Column + string(c.Op) + c.Value }

// maxCondition bounds a condition, in bytes.
const maxCondition = 4096

// ParseCondition reads a condition as people write it: actor.party=operator,
// time>=2023-07-10T12:00Z. Whether there is such a column, and the value is of its
// kind, is found out by [Store.Rows]. Times are RFC 3339, or that without seconds,
// or a date, which stands for the whole of that day in UTC. An error is a
// [*QueryError].
func ParseCondition(s string) (Condition, error) {
	n := 0
	for n < len(s) && isColumnByte(s[n]) {
		n++
	}
	problem := &QueryError{
		Problem: fmt.Sprintf("%.80q is no condition", s),
		hint:    "want COLUMN, one of = != < <= > >= ~, and a value, as in facility=lab-1",
	}
	switch {
	case !utf8.ValidString(s):
		problem.Problem = fmt.Sprintf("the condition %.80q is not UTF-8", s)
		return Condition{}, problem
	case n == 0 || len(s) > maxCondition || strings.HasPrefix(s[n:], "=="):
		return Condition{}, problem
	}
	for _, op := range [...]Op{NotEqual, LessOrEqual, MoreOrEqual, Equal, Less, More, Contains} {
		if value, ok := strings.CutPrefix(s[n:], string(op)); ok {
			return Condition{Column: s[:n], Op: op, Value: value}, nil
		}
	}
	return Condition{}, problem
}

func isColumnByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.'
}

// where checks a condition against the table's columns. What it returns must hold
// together.
func (s *schema) where(c Condition) ([]store.Where, error) {
	w := store.Where{Column: store.KeyColumn, Op: c.Op}
	kind := KindText
	switch c.Column {
	case "key":
	case "from_leaf":
		w.Column, kind = store.FromColumn, KindInteger
	default:
		w.Column = slices.IndexFunc(s.columns, func(f field) bool { return f.Name == c.Column })
		if w.Column < 0 {
			return nil, s.unknown(c.Column)
		}
		kind = s.columns[w.Column].Kind
	}
	if !utf8.ValidString(c.Value) {
		return nil, &QueryError{Problem: fmt.Sprintf("the value for %s is not UTF-8", c.Column)}
	}
	operators := []Op{Equal, NotEqual, Less, LessOrEqual, More, MoreOrEqual}
	switch kind {
	case KindRefs, KindTexts:
		operators = []Op{Equal, NotEqual, Contains}
	case KindText:
		operators = append(operators, Contains)
	case KindBool, KindRef:
		operators = []Op{Equal, NotEqual}
	}
	if !slices.Contains(operators, c.Op) {
		return nil, &QueryError{
			Problem: fmt.Sprintf("%s is of kind %s, which has no %s", c.Column, kind, c.Op),
			hint:    fmt.Sprintf("it has %v", operators),
		}
	}
	var err error
	w.Value, err = storedValue(kind, c.Value)
	if err != nil {
		return nil, &QueryError{Problem: fmt.Sprintf("%s%s%.80q: %v", c.Column, c.Op, c.Value, err)}
	}
	w.NotEmpty = kind == KindTime && c.Value != ""
	if day, err := time.Parse(time.DateOnly, c.Value); kind == KindTime && err == nil {
		return onDay(w, c, day)
	}
	return []store.Where{w}, nil
}

// among finds the columns. They are none of the asker's choosing, so that what is
// wrong with them isn't the asker's either.
func (s *schema) among(a Among) (store.Among, error) {
	w := store.Among{Values: a.Values}
	for _, name := range a.Columns {
		i := slices.IndexFunc(s.columns, func(f field) bool { return f.Name == name })
		if i < 0 || s.columns[i].Kind != KindText {
			return w, fmt.Errorf("table %s has no text column %s", s.name, name)
		}
		w.Columns = append(w.Columns, i)
	}
	return w, nil
}

// onDay compares with a day instead of its first moment.
func onDay(w store.Where, c Condition, day time.Time) ([]store.Where, error) {
	next := w
	next.Value = store.FormatTime(day.AddDate(0, 0, 1))
	switch c.Op {
	case More:
		next.Op = MoreOrEqual
		return []store.Where{next}, nil
	case LessOrEqual:
		next.Op = Less
		return []store.Where{next}, nil
	case Equal:
		w.Op, next.Op = MoreOrEqual, Less
		return []store.Where{w, next}, nil
	case NotEqual:
		return nil, &QueryError{
			Problem: fmt.Sprintf("%s: a whole day can't be left out", c),
			hint:    "ask for what is before it and what is after it, or give a time of that day",
		}
	}
	return []store.Where{w}, nil
}

// storedValue returns a value as it is stored.
func storedValue(kind Kind, text string) (any, error) {
	switch kind {
	case KindInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("want a whole number")
		}
		return n, nil
	case KindNumber:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != f {
			return nil, fmt.Errorf("want a number")
		}
		return f, nil
	case KindBool:
		switch text {
		case "true":
			return int64(1), nil
		case "false":
			return int64(0), nil
		}
		return nil, fmt.Errorf("want true or false")
	case KindTime:
		if text == "" {
			return "", nil
		}
		t, err := ParseTime(text)
		return store.FormatTime(t), err
	case KindRef:
		_, err := events.ParseRef(text)
		return text, err
	}
	return text, nil
}

// ParseTime reads a time as people write it: RFC 3339, or that without seconds, or
// a date, which is its beginning in UTC.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if year := t.UTC().Year(); year < 0 || year > 9999 || t.IsZero() {
			break
		}
		return t.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("want a time, as 2023-07-10T12:00Z or 2023-07-10")
}

// unknown names the columns that are likest to one that isn't there.
func (s *schema) unknown(name string) error {
	names := []string{"key", "from_leaf"}
	for _, c := range s.columns {
		names = append(names, c.Name)
	}
	near := func(candidate string) int {
		d := distance(name, candidate)
		if _, last, ok := strings.Cut(candidate, "."); ok {
			d = min(d, distance(name, last)+1)
		}
		return d
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(near(a), near(b)) })
	return &QueryError{
		Problem: fmt.Sprintf("there is no column %.80q", name),
		hint:    "the nearest are " + strings.Join(names[:min(3, len(names))], ", "),
	}
}

// distance is Levenshtein's, of the first 64 bytes.
func distance(a, b string) int {
	a, b = strings.ToLower(a[:min(len(a), 64)]), strings.ToLower(b[:min(len(b), 64)])
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
