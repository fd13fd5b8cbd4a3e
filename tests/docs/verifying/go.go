
func main() {
	input, _ := stdio.ReadAll(stdos.Stdin)
	head, body, _ := stdbytes.Cut(input, []byte("\n\n"))
	lines := stdbytes.Split(head, []byte("\n"))
	secret, token, header := string(lines[0]), string(lines[1]), http.Header{}
	for _, line := range lines[2:] {
		name, value, _ := stdbytes.Cut(line, []byte(": "))
		header.Set(string(name), string(value))
	}
	_ = token
	stdfmt.Println(Verify(header, body, secret, token))
}
