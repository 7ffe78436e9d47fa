package schema

// utcPattern is the pattern that a schema must give with format date-time. The two together leave one spelling of a
// moment but for the length of the fraction: no offsets, no lower case, no leap seconds; all of it is read by
// [time.Parse]. What validators make of date-time alone differs between them.
const utcPattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?Z$`

const utcShape = "0000-00-00T00:00:00"

// isUTC reports whether s satisfies utcPattern and names a moment of the calendar.
func isUTC(s []byte) bool {
	if len(s) <= len(utcShape) || s[len(s)-1] != 'Z' {
		return false
	}
	for i, c := range []byte(utcShape) {
		if c == '0' {
			if s[i]-'0' > 9 {
				return false
			}
		} else if s[i] != c {
			return false
		}
	}
	if fraction := s[len(utcShape) : len(s)-1]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) < 2 || len(fraction) > 10 {
			return false
		}
		for _, c := range fraction[1:] {
			if c-'0' > 9 {
				return false
			}
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month) &&
		two(11) <= 23 && two(14) <= 59 && two(17) <= 59
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
