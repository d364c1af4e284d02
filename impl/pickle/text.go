package pickle

import "unicode/utf8"

// A string of package object that is no UTF-8 has a character from U+DC80 on for each byte that is none, as
// surrogateescape makes it. A stream has such a character as three bytes, as surrogatepass writes it.

const surrogateBytes = 3

// encode is a string as a stream has it.
func encode(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b []byte
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			b = append(b, 0xed, 0xb0|s[0]>>6, 0x80|s[0]&0x3f)
		} else {
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return string(b)
}

// decode is what encode was given, and whether it was given anything.
func decode(b []byte) (s string, ok bool) {
	if utf8.Valid(b) {
		return string(b), true
	}
	var out []byte
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r != utf8.RuneError || n != 1 {
			out, b = append(out, b[:n]...), b[n:]
			continue
		}
		if len(b) < surrogateBytes || b[0] != 0xed || b[1]&^1 != 0xb2 || b[2]>>6 != 2 {
			return "", false
		}
		out, b = append(out, b[1]<<6|b[2]&0x3f), b[surrogateBytes:]
	}
	return string(out), true
}
