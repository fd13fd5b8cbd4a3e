
fn main() {
    use std::io::Read;

    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).expect("a request");
    let end = input.windows(2).position(|two| two == b"\n\n").expect("an empty line");
    let head: String = input[..end].iter().map(|byte| char::from(*byte)).collect();
    let mut lines = head.split('\n');
    let (secret, _token) = (lines.next().expect("a secret"), lines.next().expect("a token"));
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name: http::HeaderName = name.parse().expect("a name");
        headers.insert(name, value.parse().expect("a value"));
    }
    println!("{}", verify(&headers, &input[end + 2..], secret, _token));
}
