package pickle

import (
	"errors"
	"testing"
)

// TestSurrogates writes strings that are no UTF-8 and reads them again. The streams are those of Python 3.6, 3.9 and
// 3.12 for '\udcff' and 'a\udc80\u20ac\udcff'.
func TestSurrogates(t *testing.T) {
	for text, want := range map[string]string{
		"\xff":                "\x80\x04\x8c\x03\xed\xb3\xbf\x94.",
		"a\x80\u20ac\xff":     "\x80\x04\x8c\x0aa\xed\xb2\x80\xe2\x82\xac\xed\xb3\xbf\x94.",
		"\ufffd is no \ufffe": "\x80\x04\x8c\x0d\xef\xbf\xbd is no \xef\xbf\xbe\x94.",
	} {
		h := open(t, "3.9")
		o := h.NewStr(text)
		s, err := Dump(h, o, Memo)
		if err != nil || string(s.Bytes()) != want {
			t.Fatalf("%q: %q, %v", text, s.Bytes(), err)
		}
		y, err := Load(h, s.Bytes(), nil)
		if err != nil || h.StrText(y) != text || h.Len(y) != h.Len(o) {
			t.Errorf("%q: %q, %v", text, h.StrText(y), err)
		}
		s.Close()
	}
	for _, bad := range []string{"\xff", "a\xed\xa0\x80", "\xed\xb3", "\xed\xb2\x7f", "\xed\xb1\xbf",
		"\xee\xb2\x80\x80"} {
		h := open(t, "3.9")
		stream := append([]byte("\x80\x04\x8c"), byte(len(bad)))
		if _, err := Load(h, append(append(stream, bad...), '.'), nil); !errors.Is(err, ErrStream) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestKeys reads what CPython refuses as unhashable.
func TestKeys(t *testing.T) {
	for data, right := range map[string]bool{
		"}]K\x01s.": false, "}(]K\x01u.": false, "}K\x01]s.": true, "}(K\x01]u.": true, "\x8f(}\x90.": false,
		"\x8f(\x8f\x90.": false, "(]\x91.": false, "}]\x85K\x01s.": false, "}K\x02K\x03]\x86\x86K\x01s.": false,
		"}K\x02K\x03K\x04\x86\x86K\x01s.": true, "\x8f((\x91\x90.": true,
	} {
		h := open(t, "3.9")
		o, err := Load(h, []byte("\x80\x04"+data), nil)
		if right != (err == nil) || err != nil && !errors.Is(err, ErrStream) {
			t.Errorf("%q: %v", data, err)
		}
		if h.Decref(o); h.Live() != 0 {
			t.Errorf("%q: %d objects are left", data, h.Live())
		}
	}
}
