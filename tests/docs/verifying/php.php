
[$head, $body] = explode("\n\n", file_get_contents('php://stdin'), 2);
$lines = explode("\n", $head);
[$secret, $token] = $lines;
$headers = [];
foreach (array_slice($lines, 2) as $line) {
    [$name, $value] = explode(': ', $line, 2);
    $headers[$name] = $value;
}
echo verify($headers, $body, $secret, $token) ? 'true' : 'false', "\n";
