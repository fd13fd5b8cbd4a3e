module posthorn.example

go 1.19
