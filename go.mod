module mailcrane

go 1.26
