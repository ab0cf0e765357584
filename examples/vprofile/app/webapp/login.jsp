<%@ page contentType="text/html; charset=UTF-8" import="java.io.InputStream, java.util.Properties" %>
<%
  Properties config = new Properties();
  try (InputStream in = application.getResourceAsStream("/WEB-INF/classes/application.properties")) {
    if (in != null) config.load(in);
  }
%>
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>vprofile</title></head>
<body>
  <h1>vprofile: sign in</h1>
  <form method="post" action="login">
    <label>Name <input name="username" autocomplete="username"></label>
    <label>Password <input name="password" type="password" autocomplete="current-password"></label>
    <button>Sign in</button>
  </form>
  <p>Database: <%= config.getProperty("jdbc.url", "not configured") %></p>
</body>
</html>
