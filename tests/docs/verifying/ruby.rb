
head, body = $stdin.binmode.read.split("\n\n", 2)
secret, token, *lines = head.split("\n", -1)
sent = lines.to_h { |line| line.split(': ', 2).then { |name, value| [name.downcase, value] } }
headers = Hash.new { |_, name| sent[name.downcase] }
puts verify(headers, body, secret, token)
