<%@ page contentType="text/html; charset=UTF-8" %>
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>vprofile</title></head>
<body><h1>vprofile</h1><p><a href="login">Sign in</a></p></body>
</html>
