// What stands behind # in the address is not sent to any server: the form's answer leads back to the
// page that was asked for, and by this the page gets it again.
const form = document.querySelector("form.sign-in");
form.action = form.getAttribute("action") + location.hash;
