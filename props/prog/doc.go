package prog

import "strings"

// Doc returns the operations as a table in Markdown, for documentation: each by its line with a place for every
// argument, and its sentence. The numbers of the world come first, if there are any.
func (s *Spec) Doc() string {
	var b strings.Builder
	b.WriteString("| operation | what it does |\n|---|---|\n")
	if len(s.World) > 0 {
		b.WriteString("| `world" + usage(s.World) + "` | configures the target, in the first line |\n")
	}
	for _, r := range s.Rows {
		def := ""
		if r.Role == Make {
			def = "p = "
		}
		lacks := ""
		if r.Lacks {
			lacks = "; a target may lack it"
		}
		doc := strings.ReplaceAll(r.Doc, "|", `\|`)
		b.WriteString("| `" + def + r.Name + usage(r.Args) + "` | " + doc + lacks + " |\n")
	}
	return b.String()
}

// usage returns the arguments as they are written, with the domain's name in the place of a number.
func usage(args []Arg) string {
	slots, numbers := "", ""
	for _, a := range args {
		if a.Domain.IsSlot {
			slots += " " + a.Name
		} else {
			numbers += " " + a.Name + "=" + a.Domain.Name
		}
	}
	return slots + numbers
}
